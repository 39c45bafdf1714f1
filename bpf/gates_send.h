/* SPDX-License-Identifier: GPL-2.0 */
/* Something is sent: the gate send, and marks that tell the receiver for whom it is. */
#pragma once

/* Set where this kernel has no hook before the bytes of a TCP send leave: then the mark comes after, and a reader that is fast sees the VS before. */
const volatile bool marks_late SEC(".rodata.late") = false;

/* For whom the current task sends. Threads that follow their process may not have left the processor since it was re-bound. */
static __always_inline __u32 sender_vs(struct task_struct *task, struct task_tag *tag)
{
	bool worker = task->flags & PF_IO_WORKER;
	struct task_tag *leader;

	if (!tag)
		return VS_NONE;
	if (!(tag->flags & TAG_THREAD) || ((tag->flags & TAG_OWN_THREAD) && !worker))
		return tag->vs;
	leader = bpf_task_storage_get(&task_tags, task->group_leader, 0, 0);
	if (!leader)
		return tag->vs;
	/* A worker of io_uring sends for a thread of its process, and nobody can tell for which. */
	if (worker && ((tag->flags | leader->flags) & TAG_OWN_THREAD))
		return VS_NONE;
	return leader->vs;
}

/* One turn is what is sent until something comes back. A turn with bytes of two VSs has an answer of which nobody knows whose it is. */
static __always_inline void client_sends(struct sock_tag *mark, __u32 vs)
{
	if (mark->flags & MARK_BOUND)
		return;
	if (!(mark->flags & MARK_ASKING))
		mark->flags &= ~MARK_MIXED;
	else if (mark->vs != vs)
		mark->flags |= MARK_MIXED;
	mark->flags |= MARK_ASKING;
	mark->vs = vs;
}

static __noinline void pass_send(struct task_tag *tag, struct sock_tag *mark, __u32 generation)
{
	__u32 creator = mark ? mark->creator : VS_NONE, endpoint = mark && mark->role == ROLE_SERVER && mark->generation == generation ? mark->endpoint : 0;

	pass_gate(tag, mark, &(struct passage) { generation, GATE_SEND, endpoint, VS_NONE, creator });
}

/*
 * Bytes of another VS leave on a pooled connection: the process at its other end is moved before they wake it. Left where it is, it would wake among the processes of the VS before, and wait for its turn there.
 * What it is charged for changes when it receives them.
 */
static __noinline void move_ahead(__u32 reader, __u32 vs)
{
	struct task_struct *task = bpf_task_from_pid(reader);
	struct task_tag *tag;

	if (!task)
		return;
	tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	/* A number may be in use again: only who was bound by a gate is moved. */
	if (tag && tag->service && tag->gate && !tag->membership && tag->vs != vs && !(tag->flags & TAG_OWN_THREAD))
		tell_mover(task, tag->vs, vs, MOVE_AHEAD, BIND_PROCESS, bpf_ktime_get_ns());
	bpf_task_release(task);
}

/* `sent`: bytes that are in the stream already. */
static __noinline void tcp_sends(struct sock *sk, struct sock_tag *mark, struct task_tag *tag, __u32 sent)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct tcp_sock *tcp;
	__u32 generation, reader;

	mark->flags &= ~MARK_ASKED;
	if (tag && tag->service) {
		generation = generation_now();
		if (mark->role != ROLE_CLIENT && mark->generation != generation)
			resolve_server(sk, mark, generation);
		/* Servers that speak first: the first use of an accepted connection is a send. */
		if (mark->role == ROLE_SERVER && !(mark->flags & MARK_USED)) {
			mark->flags |= MARK_USED;
			count_accepted(sk, mark, mark->vs, generation);
			if (has_gate(tag, generation, GATE_ACCEPT))
				pass_gate(tag, mark, &(struct passage) { generation, GATE_ACCEPT, mark->endpoint, alive(mark->vs, generation) ? mark->vs : VS_NONE, mark->creator });
		}
		if (has_gate(tag, generation, GATE_SEND))
			pass_send(tag, mark, generation);
		if (mark->role == ROLE_SERVER) {
			turns_to(task, tag, mark);
			if (tag->flags & TAG_REQUEST)
				tag->flags |= TAG_ANSWERED;
		}
	} else if (tag && !mark->role) {
		count_accepted(sk, mark, tag->vs, generation_now());
	}
	if (mark->role != ROLE_CLIENT)
		return;
	client_sends(mark, sender_vs(task, tag));
	if (mark->told == mark->vs)
		return;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return;
	reader = mark_flow(sk, mark->vs, tcp->write_seq - sent);
	mark->told = mark->vs;
	if (reader && mark->vs)
		move_ahead(reader, mark->vs);
}

/* Most sends: an answer on a connection that was used before, by a service whose sends pass no gate and bind nobody; or a client whose bytes are for whom those before were. */
static __always_inline bool sends_again(const struct task_tag *tag, struct sock_tag *mark)
{
	__u32 flags = mark->flags, generation;

	if (tag->service) {
		generation = generation_now();
		if (tag->generation != generation || (tag->calls & (1 << GATE_SEND)) || (tag->flags & TAG_REQUEST))
			return false;
		if (mark->role == ROLE_SERVER) {
			if (!(flags & MARK_USED) || mark->generation != generation)
				return false;
			mark->flags = flags & ~MARK_ASKED;
			return true;
		}
	}
	if (mark->role != ROLE_CLIENT || (flags & MARK_BOUND) || (tag->flags & TAG_THREAD) || tag->vs != mark->vs || mark->told != mark->vs)
		return false;
	if (!(flags & MARK_ASKING))
		mark->flags = (flags & ~(MARK_MIXED | MARK_ASKED)) | MARK_ASKING;
	return true;
}

/* An answer on a connection that was used before, where sends pass no gate and bind nobody, whoever answers. */
static __always_inline bool answers_again(struct sock_tag *mark)
{
	__u32 flags = mark->flags;

	if (mark->role != ROLE_SERVER || !(flags & MARK_USED) || mark->generation != generation_now() || !binds_whole_processes())
		return false;
	mark->flags = flags & ~MARK_ASKED;
	return true;
}

/* Before the bytes are put into the stream, under the socket's lock; once for each buffer of a large send. */
SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(on_sending, struct sock *sk)
{
	struct sock_tag *mark;
	struct task_tag *tag;

	if (!sk->sk_bpf_storage)
		return 0;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	if (!mark || !is_tcp(sk) || answers_again(mark))
		return 0;
	tag = bpf_task_storage_get(&task_tags, bpf_get_current_task_btf(), 0, 0);
	if (!tag || !sends_again(tag, mark))
		tcp_sends(sk, mark, tag, 0);
	return 0;
}

/* Sent by a process that no service has: a datagram of its own socket is for whom it works. Its network class is that of the socket. */
static __always_inline void sends_for_itself(struct sock *sk, struct sock_tag *mark, __u32 vs)
{
	if (!mark && vs)
		mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (mark && !mark->role && !(mark->flags & MARK_BOUND))
		mark->vs = vs;
}

/*
 * Datagrams on the way out, in the sender's context: both addresses stand in the packet. Other hosts are told nothing, so only loopback counts.
 * What a stranger sends from an address that was a tenant's is counted, too: it is nobody's.
 */
SEC("tp_btf/net_dev_queue")
int BPF_PROG(on_queue, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct flow_key key = {};
	struct task_struct *task;
	unsigned char *header;
	struct task_tag *tag;
	__u8 protocol = 0, first = 0;
	__u16 ports[2];
	__u32 v4, vs;

	if (!sk || sk->sk_protocol != IPPROTO_UDP || skb->dev->ifindex != LOOPBACK_IFINDEX)
		return 0;
	header = skb->head + skb->network_header;
	if (skb->protocol == __builtin_bswap16(ETH_P_IP)) {
		bpf_probe_read_kernel(&first, 1, header);
		bpf_probe_read_kernel(&protocol, 1, header + 9);
		bpf_probe_read_kernel(&v4, 4, header + 12);
		map_v4(key.client, v4);
		header += (first & 15) * 4;
	} else if (skb->protocol == __builtin_bswap16(ETH_P_IPV6)) {
		bpf_probe_read_kernel(&protocol, 1, header + 6);
		bpf_probe_read_kernel(key.client, 16, header + 8);
		header += 40;
	}
	if (protocol != IPPROTO_UDP || bpf_probe_read_kernel(ports, 4, header))
		return 0;
	key.client_port = __builtin_bswap16(ports[0]);
	key.server_port = __builtin_bswap16(ports[1]);
	datagram_flow(&key, BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum));
	task = bpf_get_current_task_btf();
	tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	vs = sender_vs(task, tag);
	count_datagram(&key, vs);
	/* Here it is known before the packet chooses its class, so the first one does so, too. */
	if (tag && !tag->service)
		sends_for_itself(sk, bpf_sk_storage_get(&sock_tags, sk, 0, 0), vs);
	return 0;
}

static __always_inline void count_waiting(struct sock *sk, __u32 vs)
{
	struct datagram_marks *waiting = bpf_sk_storage_get(&datagrams, sk, 0, 0);
	__u32 before_us, index;

	if (!waiting) {
		if (!vs)
			return;
		waiting = bpf_sk_storage_get(&datagrams, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!waiting)
			return;
		/* What waits already, ours not counted, is nobody's. */
		before_us = sk->sk_receive_queue.qlen;
		waiting->sent = before_us ? before_us - 1 : 0;
	}
	index = __sync_fetch_and_add(&waiting->sent, 1);
	waiting->vs[index & (DATAGRAM_MARKS - 1)] = vs;
}

/* Unix sockets: runs in the sender, when what it sent is in the receiver's queue and before the receiver is woken. `sk` is the receiver. */
SEC("tp_btf/sk_data_ready")
int BPF_PROG(on_ready, struct sock *sk)
{
	struct sock_tag *mine, *theirs;
	struct task_struct *task;
	struct unix_sock *other;
	struct task_tag *tag;
	__u32 generation, vs;

	if (sk->__sk_common.skc_family != AF_UNIX)
		return 0;
	other = bpf_skc_to_unix_sock(sk);
	if (!other)
		return 0;
	task = bpf_get_current_task_btf();
	tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	if (sk->__sk_common.skc_state == TCP_LISTEN) {
		tag = current_member(task);
		generation = generation_now();
		if (tag && tag->service && has_gate(tag, generation, GATE_CONNECT))
			pass_gate(tag, NULL, &(struct passage) { generation, GATE_CONNECT, 0, VS_NONE, tag->vs });
		return 0;
	}
	mine = NULL;
	if (tag && tag->service && sk->sk_type != SOCK_DGRAM && other->peer) {
		mine = bpf_sk_storage_get(&sock_tags, other->peer, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (mine && !mine->role)
			mine->role = other->addr ? ROLE_CLIENT : ROLE_SERVER;
	}
	if (tag && tag->service) {
		generation = generation_now();
		if (has_gate(tag, generation, GATE_SEND))
			pass_send(tag, mine, generation);
		if (mine && mine->role == ROLE_SERVER)
			turns_to(task, tag, mine);
	}
	vs = sender_vs(task, tag);
	if (sk->sk_type == SOCK_DGRAM) {
		if (other->addr)
			count_waiting(sk, vs);
		return 0;
	}
	if (mine && mine->role == ROLE_CLIENT) {
		client_sends(mine, vs);
		vs = mine->vs;
	}
	if (!other->addr)
		return 0;
	theirs = bpf_sk_storage_get(&sock_tags, sk, 0, tag ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	if (!theirs)
		return 0;
	client_sends(theirs, vs);
	theirs->flags |= MARK_TOLD;
	return 0;
}

/* After a send that is not TCP: the request in hand is answered; a datagram socket that sent first is a client's. Not attached where gates meet TCP only. */
SEC("tp_btf/sock_send_length")
int BPF_PROG(on_sent, struct sock *sk, int ret, int flags)
{
	struct task_struct *task;
	struct sock_tag *mark;
	struct task_tag *tag;
	__u32 generation;

	if (ret <= 0)
		return 0;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	if (!mark && sk->sk_protocol != IPPROTO_UDP)
		return 0;
	task = bpf_get_current_task_btf();
	tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	if (marks_late && mark && is_tcp(sk))
		tcp_sends(sk, mark, tag, ret);
	if (mark && !is_tcp(sk))
		mark->flags &= ~MARK_ASKED;
	if (!tag)
		return 0;
	if (!tag->service) {
		if (is_udp(sk))
			sends_for_itself(sk, mark, sender_vs(task, tag));
		return 0;
	}
	if (is_udp(sk)) {
		generation = generation_now();
		if (!mark)
			mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!mark)
			return 0;
		if (!mark->role) {
			mark->role = ROLE_CLIENT;
			mark->service = tag->service;
			if (!mark->creator)
				mark->creator = tag->vs;
			if (has_gate(tag, generation, GATE_CONNECT))
				pass_gate(tag, mark, &(struct passage) { generation, GATE_CONNECT, 0, VS_NONE, mark->creator });
		}
		if (has_gate(tag, generation, GATE_SEND))
			pass_send(tag, mark, generation);
		if (mark->role == ROLE_CLIENT)
			client_sends(mark, sender_vs(task, tag));
	}
	if (mark && mark->role == ROLE_SERVER && (tag->flags & TAG_REQUEST))
		tag->flags |= TAG_ANSWERED;
	return 0;
}
