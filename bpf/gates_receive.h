/* SPDX-License-Identifier: GPL-2.0 */
/* Something arrived: the gates accept and receive, and replies to event loops. */
#pragma once

/* VS of the process that made the other end of a unix socket; what was known before where that process is gone. */
static __always_inline __u32 unix_requester(struct sock *sk, struct sock_tag *mark)
{
	struct pid *peer = sk->sk_peer_pid;
	struct task_struct *task;
	struct task_tag *tag;

	if (!peer)
		return mark->vs;
	task = bpf_task_from_pid(BPF_CORE_READ(peer, numbers[0].nr));
	if (!task)
		return mark->vs;
	tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	/* A number may be in use again: it is the peer only if it is still the same struct pid. */
	if (tag && BPF_CORE_READ(task, thread_pid) == peer)
		mark->vs = tag->vs;
	bpf_task_release(task);
	return mark->vs;
}

static __always_inline __u32 waiting_datagram(struct sock *sk)
{
	struct datagram_marks *waiting = bpf_sk_storage_get(&datagrams, sk, 0, 0);
	__u32 index, sent;

	if (!waiting)
		return VS_NONE;
	index = __sync_fetch_and_add(&waiting->received, 1);
	sent = waiting->sent;
	/* Not counted yet, or its mark was overwritten. */
	if (!before(index, sent) || sent - index > DATAGRAM_MARKS)
		return VS_NONE;
	return waiting->vs[index & (DATAGRAM_MARKS - 1)];
}

static __noinline __u32 unix_asks(struct sock *sk, struct sock_tag *mark)
{
	__u32 vs;

	if (sk->sk_type == SOCK_DGRAM)
		return waiting_datagram(sk);
	if (mark->flags & MARK_BOUND)
		return mark->vs;
	if (!(mark->flags & MARK_TOLD))
		return unix_requester(sk, mark);
	vs = mark->flags & MARK_MIXED ? VS_NONE : mark->vs;
	if (sk->sk_receive_queue.qlen == 0)
		mark->flags &= ~(MARK_ASKING | MARK_MIXED);
	return vs;
}

/* For whom the `length` bytes just received are, by the marks of the flow. */
static __noinline __u32 flow_asks(struct sock *sk, struct sock_tag *mark, __u32 now, __u32 length)
{
	struct tcp_sock *tcp;
	struct flow_key key;
	struct flow *flow;
	__u32 first;

	mark->flags &= ~MARK_SETTLED;
	flow_of(sk, false, &key);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow)
		return mark->vs;
	if (mark->known.rule.gate)
		flow->reader = mark->known.rule.scope == BIND_PROCESS && mark->known.rule.classify == CLASSIFY_REQUESTER ? bpf_get_current_pid_tgid() >> 32 : 0;
	if (!flow->marks_made) {
		mark->vs = flow->vs;
	} else {
		tcp = bpf_skc_to_tcp_sock(sk);
		if (!tcp)
			return mark->vs = VS_NONE;
		first = tcp->copied_seq - length;
		mark->vs = flow_vs(flow, first, tcp->copied_seq - 1);
		if (before(first, (__u32)flow->marks[(flow->marks_made - 1) & (FLOW_MARKS - 1)]))
			return mark->vs;
	}
	mark->changes = now;
	mark->flags |= MARK_SETTLED;
	return mark->vs;
}

/* For whom the `length` bytes just received are, by the name that they ask for. The next turn may have arrived since they were read: then nobody knows. It begins with what is not read yet, or among what was just read. */
static __noinline __u32 asks_by_name(struct sock *sk, struct sock_tag *mark, __u32 generation, __u32 length)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	__u32 first;

	resolve_server(sk, mark, generation);
	if (mark->name_state & NAME_TLS)
		return mark->vs;
	if (!tcp)
		return mark->vs = VS_NONE;
	/* Not by sign: a long turn goes on for more than half of all sequence numbers. */
	first = tcp->copied_seq - length;
	if (mark->name_from - first - 1 < tcp->rcv_nxt - first)
		mark->vs = VS_NONE;
	return mark->vs;
}

static __always_inline __u32 tcp_asks(struct sock *sk, struct sock_tag *mark, __u32 generation, __u32 length)
{
	__u32 now, *changes;

	if (mark->generation != generation || (mark->vs == VS_NONE && !(mark->flags & (MARK_LOCAL | MARK_BOUND))))
		resolve_server(sk, mark, generation);
	if (!(mark->flags & (MARK_LOCAL | MARK_BOUND)) && mark->name_state)
		return asks_by_name(sk, mark, generation, length);
	if ((mark->flags & (MARK_LOCAL | MARK_BOUND)) != MARK_LOCAL)
		return mark->vs;
	/* Read before the flow is: a change in between is seen the next time. */
	changes = changes_of(__builtin_bswap16(sk->__sk_common.skc_dport));
	now = changes ? *changes : 0;
	if ((mark->flags & MARK_SETTLED) && mark->changes == now)
		return mark->vs;
	return flow_asks(sk, mark, now, length);
}

static __noinline __u32 datagram_asks(struct sock *sk, struct task_tag *tag, struct sock_tag *mark, __u32 generation)
{
	struct flow_key key = {};
	__u32 vs;

	if (mark->generation != generation) {
		mark->endpoint = inet_endpoint(sk, generation);
		mark->generation = generation;
	}
	if (sk->__sk_common.skc_state == TCP_ESTABLISHED) {
		flow_of(sk, false, &key);
	} else if (tag->flags & TAG_SENDER) {
		__builtin_memcpy(key.client, tag->sender, sizeof(key.client));
		key.client_port = tag->sender_port;
		key.server_port = sk->__sk_common.skc_num;
	} else {
		return VS_NONE;
	}
	tag->flags &= ~TAG_SENDER;
	datagram_flow(&key, BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum));
	vs = mark->flags & MARK_BOUND ? mark->vs : datagram_vs(&key, generation);
	return mark->vs = vs;
}

/*
 * A datagram socket that sends before it receives is taken for a client's. A server that was answering when the gates came did so, too: at an address that a rule names it is a server's, and what
 * arrives is asked. Looked up once for a rule set.
 */
static __noinline bool is_asked_after_all(struct sock *sk, struct sock_tag *mark, __u32 generation)
{
	if (!is_udp(sk) || sk->__sk_common.skc_state == TCP_ESTABLISHED || mark->generation == generation)
		return false;
	mark->generation = generation;
	mark->endpoint = inet_endpoint(sk, generation);
	return mark->endpoint != ENDPOINT_OTHER;
}

/* The other end answered: an event loop works for whom it had asked. */
static __noinline void hears_answer(struct task_tag *tag, struct sock_tag *mark)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 vs = mark->flags & MARK_MIXED ? VS_NONE : mark->vs;

	mark->flags &= ~MARK_ASKING;
	if ((tag->flags & TAG_REQUEST) && !tag->membership && !(task->flags & PF_IO_WORKER))
		bind_request(task, tag, vs ? vs : VS_BEST_EFFORT, tag->gate);
}

/* The first receive on a connection, one for another requester than before, and each datagram. Several threads may receive datagrams from one socket at once: there no rule is kept. */
static __noinline void serve(struct sock *sk, struct task_tag *tag, struct sock_tag *mark, __u32 generation, __u32 requester)
{
	bool is_unix = sk->__sk_common.skc_family == AF_UNIX, stream = is_unix ? sk->sk_type != SOCK_DGRAM : is_tcp(sk);

	if (requester != VS_NONE && !alive(requester, generation))
		requester = VS_NONE;
	count_request(tag, mark, stream, requester);
	if (stream && !(mark->flags & MARK_USED)) {
		mark->flags |= MARK_USED;
		if (!is_unix) {
			count_accepted(sk, mark, requester, generation);
			if (mark->flags & MARK_BOUND)
				requester = mark->vs;
		}
		if (has_gate(tag, generation, GATE_ACCEPT)) {
			pass_gate(tag, mark, &(struct passage) { generation, GATE_ACCEPT, mark->endpoint, requester, mark->creator });
			if (mark->flags & MARK_BOUND)
				requester = mark->vs;
		}
	}
	if (!stream) {
		if (has_gate(tag, generation, GATE_RECEIVE))
			pass_gate(tag, mark, &(struct passage) { generation, GATE_RECEIVE, mark->endpoint, requester, mark->creator });
		return;
	}
	if (!is_known(mark, tag->service, generation, requester))
		learn_rule(tag, mark, generation, requester);
	apply_known(bpf_get_current_task_btf(), tag, mark, requester);
}

static __noinline void receives(struct sock *sk, struct task_tag *tag, struct sock_tag *mark, int length)
{
	bool is_unix = sk->__sk_common.skc_family == AF_UNIX;
	__u32 generation = generation_now(), requester;
	struct unix_sock *local;

	/* A front door accepted it: for a service's it must be known first who asks. */
	if (!tag->service) {
		if (mark && is_tcp(sk) && !mark->role)
			count_accepted(sk, mark, tag->vs, generation);
		return;
	}
	if (mark && mark->role == ROLE_CLIENT && !is_asked_after_all(sk, mark, generation)) {
		hears_answer(tag, mark);
		return;
	}
	if (!mark) {
		mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!mark)
			return;
	}
	if (is_unix) {
		local = bpf_skc_to_unix_sock(sk);
		/* Only an accepted socket has its listener's address; without an address this is our end of somebody else's. */
		if (!local || !local->addr) {
			mark->role = ROLE_CLIENT;
			hears_answer(tag, mark);
			return;
		}
		if (mark->generation != generation) {
			mark->service = tag->service;
			mark->endpoint = unix_endpoint(local, generation);
			mark->generation = generation;
		}
		requester = unix_asks(sk, mark);
	} else if (sk->sk_protocol == IPPROTO_UDP) {
		requester = datagram_asks(sk, tag, mark, generation);
	} else {
		requester = tcp_asks(sk, mark, generation, length);
	}
	mark->role = ROLE_SERVER;
	/* What a datagram's socket knows is never set. */
	if (!(mark->flags & MARK_USED) || !is_known(mark, tag->service, generation, requester)) {
		serve(sk, tag, mark, generation, requester);
		return;
	}
	count_request(tag, mark, true, requester);
	apply_known(bpf_get_current_task_btf(), tag, mark, requester);
}

/* Most receives over TCP: one more request of whom the task works for already, on a connection whose rule is known. All that is left is to count it. */
static __always_inline bool asks_again(const struct sock *sk, const struct task_struct *task, struct task_tag *tag, struct sock_tag *mark)
{
	__u32 generation = generation_now(), flags = mark->flags, *changes;

	if (mark->role != ROLE_SERVER || (flags & (MARK_USED | MARK_SETTLED | MARK_BOUND)) != (MARK_USED | MARK_SETTLED) || mark->generation != generation)
		return false;
	changes = changes_of(__builtin_bswap16(sk->__sk_common.skc_dport));
	if (!changes || *changes != mark->changes || !is_known(mark, tag->service, generation, mark->vs))
		return false;
	if (!mark->known.rule.gate || mark->known.rule.scope != BIND_PROCESS || (tag->flags & TAG_REQUEST) || !changes_nothing(task, tag, &mark->known.rule, mark->vs))
		return false;
	if (!(flags & MARK_ASKED)) {
		mark->flags = flags | MARK_ASKED;
		__sync_fetch_and_add(&tag->requests, 1);
	}
	__sync_fetch_and_add(&tag->hits, 1);
	return true;
}

/*
 * A loop finds nothing to read where a request is open: it takes up again what it has read before and kept in a queue of its own, and what it sends next is for whoever asked that.
 * PgBouncer does so when a connection of its pool becomes free.
 */
static __noinline void takes_up_again(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_tag *tag;
	struct sock_tag *mark;

	if (!task->bpf_storage)
		return;
	tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	if (!tag || !(tag->flags & TAG_REQUEST))
		return;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	if (mark && mark->role == ROLE_SERVER && (mark->flags & MARK_ASKED) && is_tcp(sk))
		turns_to(task, tag, mark);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int ret, int flags)
{
	struct task_struct *task;
	struct sock_tag *mark;
	struct task_tag *tag;

	if (flags & MSG_PEEK)
		return 0;
	if (ret <= 0) {
		if (ret == -EAGAIN && sk->sk_bpf_storage && !binds_whole_processes())
			takes_up_again(sk);
		return 0;
	}
	if (!sk->sk_bpf_storage && sk->__sk_common.skc_family != AF_UNIX && sk->sk_protocol != IPPROTO_UDP)
		return 0;
	task = bpf_get_current_task_btf();
	if (!task->bpf_storage)
		return 0;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	if (!mark && sk->__sk_common.skc_family != AF_UNIX && sk->sk_protocol != IPPROTO_UDP)
		return 0;
	/* The other end answered, and nobody turns to anything. A call of a helper is what this program costs most. */
	if (mark && mark->role == ROLE_CLIENT && is_tcp(sk) && binds_whole_processes()) {
		mark->flags &= ~MARK_ASKING;
		return 0;
	}
	tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	if (!tag)
		return 0;
	/* A front door hears an answer, or the same is asked again. */
	if (mark && (tag->service ? asks_again(sk, task, tag, mark) : mark->role == ROLE_CLIENT))
		return 0;
	receives(sk, tag, mark, ret);
	return 0;
}

static __always_inline void note_sender(struct bpf_sock_addr *ctx, bool v6)
{
	struct task_tag *tag = bpf_task_storage_get(&task_tags, bpf_get_current_task_btf(), 0, 0);

	if (!tag || !tag->service)
		return;
	if (v6) {
		__u32 words[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] };

		__builtin_memcpy(tag->sender, words, sizeof(words));
	} else {
		map_v4(tag->sender, ctx->user_ip4);
	}
	tag->sender_port = __builtin_bswap16(ctx->user_port);
	tag->flags |= TAG_SENDER;
}

/* Inside the receive, before the tracepoint above: only here the sender of a datagram can be seen. */
SEC("cgroup/recvmsg4")
int on_datagram4(struct bpf_sock_addr *ctx)
{
	note_sender(ctx, false);
	return 1;
}

SEC("cgroup/recvmsg6")
int on_datagram6(struct bpf_sock_addr *ctx)
{
	note_sender(ctx, true);
	return 1;
}
