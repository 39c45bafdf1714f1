/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets: who made them, who listens, who connected. */
#pragma once

static __noinline void client_connects(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_tag *tag = current_member(task);
	__u32 generation = generation_now();
	struct sock_tag *mark;

	if (!tag || tag->vs == VS_NONE)
		return;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!mark)
		return;
	mark->role = ROLE_CLIENT;
	mark->service = tag->service;
	if (!mark->creator)
		mark->creator = tag->vs;
	if (tag->service && has_gate(tag, generation, GATE_CONNECT))
		pass_gate(tag, mark, &(struct passage) { generation, GATE_CONNECT, 0, 0, mark->creator });
	if (!(mark->flags & MARK_BOUND))
		mark->vs = tag->vs;
	mark->told = mark->vs;
}

static __always_inline void listener_of(const struct sock *sk, struct listener_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	local_address(sk, key->address);
	/* 0.0.0.0 comes as a mapped address: any is any, in both families. */
	if (sk->__sk_common.skc_family == AF_INET && sk->__sk_common.skc_rcv_saddr == 0)
		__builtin_memset(key->address, 0, sizeof(key->address));
	key->port = sk->__sk_common.skc_num;
	key->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline bool mark_listener(struct sock *sk, struct task_tag *tag)
{
	struct sock_tag *mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	struct listener_key key;

	if (!mark)
		return false;
	mark->role = ROLE_LISTENER;
	mark->service = tag->service;
	if (!(mark->flags & MARK_BOUND))
		mark->vs = VS_NONE;
	if (!mark->creator)
		mark->creator = tag->vs;
	mark->generation = 0;
	tag->flags |= TAG_LISTENS;
	listener_of(sk, &key);
	bpf_map_update_elem(&listeners, &key, &tag->service, BPF_ANY);
	return true;
}

static __noinline void starts_to_listen(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct inet_key key = { .generation = generation_now(), .port = sk->__sk_common.skc_num, .protocol = IPPROTO_TCP };
	struct member wanted = {};
	struct task_tag *tag;

	consider_current(&wanted, key.generation);
	local_address(sk, key.address);
	consider(&wanted, bpf_map_lookup_elem(&member_listeners, &key));
	__builtin_memset(key.address, 0, sizeof(key.address));
	consider(&wanted, bpf_map_lookup_elem(&member_listeners, &key));
	tag = join(task, &wanted);
	if (tag && tag->service)
		mark_listener(sk, tag);
	else
		tell(NEWS_LISTEN);
}

/* An accepted socket, tagged by its listener's clone: who asks? The client's side put the flow in before its last ACK went out. */
static __noinline void resolve_server(struct sock *sk, struct sock_tag *mark, __u32 generation)
{
	struct flow_key key;
	struct flow *flow;

	mark->role = ROLE_SERVER;
	mark->endpoint = inet_endpoint(sk, generation);
	mark->generation = generation;
	if (mark->flags & MARK_BOUND)
		return;
	flow_of(sk, false, &key);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow) {
		mark->flags |= MARK_LOCAL;
		mark->vs = flow_now(flow);
	} else if (!(mark->flags & MARK_LOCAL) && !has_name(mark, generation, &mark->vs)) {
		mark->vs = client_network(key.client, generation);
	}
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int old, int state)
{
	struct sock_tag *mark;
	struct flow_key key;
	struct flow *flow;

	if (!is_tcp(sk))
		return 0;
	if (state == TCP_SYN_SENT) {
		client_connects(sk);
		return 0;
	}
	if (state == TCP_LISTEN) {
		starts_to_listen(sk);
		return 0;
	}
	if (state != TCP_ESTABLISHED && state != TCP_CLOSE)
		return 0;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	if (!mark) {
		/* A stranger may get the port of a tenant's connection of old. */
		if (state == TCP_ESTABLISHED && old == TCP_SYN_SENT) {
			flow_of(sk, true, &key);
			bpf_map_delete_elem(&flows, &key);
		}
		return 0;
	}
	if (state == TCP_ESTABLISHED && mark->role != ROLE_CLIENT) {
		if (mark->service) /* else the tag is there for a limit alone */
			resolve_server(sk, mark, generation_now());
	} else if (mark->role == ROLE_CLIENT) {
		flow_of(sk, true, &key);
		if (state == TCP_ESTABLISHED) {
			struct flow fresh = { .vs = mark->vs };

			bpf_map_update_elem(&flows, &key, &fresh, BPF_ANY);
			return 0;
		}
		/* Where the VS changed the server still needs the marks for what it has not read. */
		flow = bpf_map_lookup_elem(&flows, &key);
		if (flow && !flow->marks_made)
			bpf_map_delete_elem(&flows, &key);
	}
	return 0;
}

/* TCP and UDP; the kernel has no such hook for unix sockets. */
SEC("cgroup/sock_create")
int on_socket(struct bpf_sock *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_tag *tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	__u32 generation = generation_now();
	struct sock_tag *mark;

	if (!tag)
		return 1;
	if (tag->service && has_gate(tag, generation, GATE_SOCKET)) {
		mark = bpf_sk_storage_get(&sock_tags, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!mark)
			return 1;
		mark->service = tag->service;
		mark->creator = tag->vs;
		pass_gate(tag, mark, &(struct passage) { generation, GATE_SOCKET, 0, 0, mark->creator });
	}
	/* Where somebody else refused it already it will not be released either. */
	return bpf_get_retval() ? 1 : verdict(room_for_socket(ctx, tag));
}
