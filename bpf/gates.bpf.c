// SPDX-License-Identifier: GPL-2.0
/*
 * The gates: tasks and sockets carry their virtual service, and a task that receives a request is re-bound synchronously.
 * Only tracepoints and iterators: fentry, kprobes and LSM hooks are refused on some hosts. Strangers leave after one storage lookup.
 */
#include "gates_kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "gates.h"
#include "gates_maps.h"
#include "gates_addresses.h"
#include "gates_accounts.h"
#include "gates_members.h"

extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next, unsigned int prev_state)
{
	__u64 *at = bpf_map_lookup_elem(&switched_at, &zero);
	struct task_tag *tag = bpf_task_storage_get(&task_tags, prev, 0, 0);

	if (at)
		*at = bpf_ktime_get_ns();
	if (!tag)
		return 0;
	run_for(tag, prev->se.sum_exec_runtime);
	tag->runtime_seen = prev->se.sum_exec_runtime;
	if (bpf_core_field_exists(prev->sched_info))
		tag->delay_seen = prev->sched_info.run_delay;
	tag->flags |= TAG_SEEN;
	follow_leader(prev, tag, tag->runtime_seen);
	/* The very last switch, after the address space was taken down: the exit tracepoint would miss that work. */
	if (prev_state & TASK_DEAD)
		charge(tag, prev->tgid, tag->runtime_seen);
	return 0;
}

/* ---- processes ---- */

/* Not sched_process_fork: the workers of io_uring are made without it. Here the child has not run yet. */
SEC("tp_btf/task_newtask")
int BPF_PROG(on_fork, struct task_struct *child, __u64 clone_flags)
{
	struct task_struct *parent = bpf_get_current_task_btf();
	struct task_tag *from = bpf_task_storage_get(&task_tags, parent, 0, 0);
	__u32 child_tgid = child->tgid, parent_tgid = parent->tgid;
	struct task_tag *tag;

	if (!from)
		return 0;
	tag = bpf_task_storage_get(&task_tags, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!tag)
		return 0;
	tag->service = from->service;
	tag->vs = from->vs;
	tag->gate = from->gate;
	tag->flags = from->flags & TAG_OWN_THREAD;
	tag->bound_at = bpf_ktime_get_ns();
	/* A thread is part of its process: it has it from where the process has it. */
	if (child_tgid == parent_tgid) {
		tag->membership = from->membership;
		tag->inherited_from = from->inherited_from;
	} else {
		tag->membership = from->membership ? MEMBER_OF_ASSIGNED : MEMBER_BY_RULES;
		tag->inherited_from = parent_tgid;
	}
	tag->runtime_tagged = tag->runtime_bound = child->se.sum_exec_runtime;
	tag->started = BPF_CORE_READ(child, group_leader, start_boottime);
	return 0;
}

/* ---- sockets ---- */

static __always_inline void client_connects(struct sock *sk)
{
	struct task_tag *tag = current_member(bpf_get_current_task_btf());
	struct sock_tag *mark;

	if (!tag || tag->vs == VS_NONE)
		return;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!mark)
		return;
	mark->role = ROLE_CLIENT;
	mark->service = tag->service;
	mark->vs = tag->vs;
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

static __always_inline bool mark_listener(struct sock *sk, __u32 service)
{
	struct sock_tag *mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	struct listener_key key;

	if (!mark)
		return false;
	mark->role = ROLE_LISTENER;
	mark->service = service;
	mark->vs = VS_NONE;
	mark->generation = 0;
	listener_of(sk, &key);
	bpf_map_update_elem(&listeners, &key, &service, BPF_ANY);
	return true;
}

static __always_inline void starts_to_listen(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct inet_key key = { .generation = generation_now(), .port = sk->__sk_common.skc_num };
	struct member wanted = {};
	struct task_tag *tag;

	consider_task(&wanted, key.generation, task);
	local_address(sk, key.address);
	consider(&wanted, bpf_map_lookup_elem(&member_listeners, &key));
	__builtin_memset(key.address, 0, sizeof(key.address));
	consider(&wanted, bpf_map_lookup_elem(&member_listeners, &key));
	tag = join(task, &wanted);
	if (tag && tag->service)
		mark_listener(sk, tag->service);
	else
		tell(NEWS_LISTEN);
}

/* An accepted socket, tagged by its listener's clone: who connected? The client's side put the flow in before its last ACK went out. */
static __always_inline void resolve_server(struct sock *sk, struct sock_tag *mark, __u32 generation)
{
	struct flow_key key;
	__u32 *vs;

	mark->role = ROLE_SERVER;
	flow_of(sk, false, &key);
	vs = bpf_map_lookup_elem(&flows, &key);
	mark->vs = vs ? *vs : VS_NONE;
	mark->endpoint = inet_endpoint(sk, generation);
	mark->generation = generation;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int old, int state)
{
	struct sock_tag *mark;
	struct flow_key key;

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
	if (!mark)
		return 0;
	if (state == TCP_ESTABLISHED && mark->role != ROLE_CLIENT) {
		resolve_server(sk, mark, generation_now());
	} else if (mark->role == ROLE_CLIENT) {
		flow_of(sk, true, &key);
		if (state == TCP_ESTABLISHED)
			bpf_map_update_elem(&flows, &key, &mark->vs, BPF_ANY);
		else
			bpf_map_delete_elem(&flows, &key);
	}
	return 0;
}

/* ---- the receive gate ---- */

static __always_inline bool alive(__u32 vs, __u32 generation)
{
	__u32 *in = bpf_map_lookup_elem(&vs_alive, &vs);

	return in && in[generation & 1] == generation;
}

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

static __always_inline void rebind(struct task_struct *task, struct task_tag *tag, __u32 vs, struct rule *rule, struct gate_stats *count)
{
	__u64 now = bpf_ktime_get_ns();
	struct rebind_event *event;
	struct task_tag *leader;
	__u32 old = tag->vs;

	charge(tag, task->tgid, runtime_now(task, tag, now));
	tag->vs = vs;
	tag->gate = rule->gate;
	tag->bound_at = now;
	tag->inherited_from = 0;
	if (rule->scope == BIND_THREAD) {
		tag->flags |= TAG_OWN_THREAD;
	} else if (task->pid != task->tgid) {
		leader = bpf_task_storage_get(&task_tags, task->group_leader, 0, 0);
		if (leader) {
			leader->gate = rule->gate;
			leader->bound_at = now;
			leader->inherited_from = 0;
			charge(leader, task->tgid, BPF_CORE_READ(task, group_leader, se.sum_exec_runtime));
			leader->vs = vs;
		}
	}
	if (count)
		count->rebinds++;
	event = bpf_ringbuf_reserve(&rebinds, sizeof(*event), 0);
	if (!event)
		return; /* the enforcer's reconciliation finds the task */
	event->at_ns = now;
	event->tid = task->pid;
	event->tgid = task->tgid;
	event->old_vs = old;
	event->new_vs = vs;
	event->gate = rule->gate;
	event->scope = rule->scope;
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int ret, int flags)
{
	struct task_struct *task;
	struct sock_tag *mark;
	struct task_tag *tag;
	struct gate_stats *count;
	struct rule_key key = { .call = GATE_RECEIVE };
	struct rule *rule;
	__u32 generation, requester, target, gate;

	if (ret <= 0 || (flags & MSG_PEEK))
		return 0;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	if (mark ? mark->role == ROLE_CLIENT : sk->__sk_common.skc_family != AF_UNIX)
		return 0;
	task = bpf_get_current_task_btf();
	tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	if (!tag || !tag->service)
		return 0;
	generation = generation_now();
	if (sk->__sk_common.skc_family == AF_UNIX) {
		struct unix_sock *local = bpf_skc_to_unix_sock(sk);

		/* Only an accepted socket has its listener's address; without an address this is our end of somebody else's. */
		if (!local || !local->addr)
			return 0;
		if (!mark)
			mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!mark)
			return 0;
		if (mark->generation != generation) {
			mark->role = ROLE_SERVER;
			mark->service = tag->service;
			mark->endpoint = unix_endpoint(local, generation);
			mark->generation = generation;
		}
		requester = unix_requester(sk, mark);
	} else {
		if (!mark)
			return 0;
		if (mark->generation != generation || mark->vs == VS_NONE)
			resolve_server(sk, mark, generation);
		requester = mark->vs;
	}
	if (requester != VS_NONE && !alive(requester, generation))
		requester = VS_NONE;

	key.generation = generation;
	key.service = tag->service;
	key.endpoint = mark->endpoint == ENDPOINT_OTHER ? 0 : mark->endpoint;
	key.requester = requester;
	rule = bpf_map_lookup_elem(&rules, &key);
	if (!rule && requester) {
		key.requester = 0;
		rule = bpf_map_lookup_elem(&rules, &key);
	}
	if (!rule)
		return 0;
	gate = rule->gate;
	count = bpf_map_lookup_elem(&gate_counts, &gate);
	if (count)
		count->hits++;
	if (rule->classify == CLASSIFY_NAMED) {
		target = rule->vs;
	} else if (rule->classify == CLASSIFY_REQUESTER) {
		/* Unknown work is never charged to somebody: best effort. */
		target = requester ? requester : VS_BEST_EFFORT;
		if (!requester && count)
			count->unknown++;
	} else {
		return 0;
	}
	/* What a person assigned stays assigned. */
	if (target != tag->vs && !tag->membership)
		rebind(task, tag, target, rule, count);
	return 0;
}

#include "gates_iterators.h"
