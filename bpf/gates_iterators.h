/* SPDX-License-Identifier: GPL-2.0 */
/* Iterators: user space runs them at a start, at a scan and for the status. */
#pragma once

static __always_inline void assign(struct task_struct *task, struct task_tag *tag, struct assignment *wanted)
{
	bool assigned = tag->membership == MEMBER_ASSIGNED || tag->membership == MEMBER_OF_ASSIGNED;

	/* Rules say nothing about what a person assigned; what they said a moment ago must not win a race. */
	if (wanted->force == FORCE_NONE || (wanted->force == FORCE_RULES && (assigned || stays_beyond(tag, wanted->vs))))
		return;
	tag->flags &= ~TAG_BEYOND;
	if (tag->vs != wanted->vs) {
		charge(task, tag, task->se.sum_exec_runtime);
		tag->vs = wanted->vs;
		tag->bound_at = bpf_ktime_get_ns();
	} else if (tag->membership == MEMBER_BY_RULES && wanted->force == FORCE_RULES) {
		return;
	}
	settle(tag);
	tag->gate = wanted->gate;
	tag->inherited_from = 0;
	tag->membership = wanted->force == FORCE_EXPLICIT ? MEMBER_ASSIGNED : MEMBER_BY_RULES;
}

static __always_inline void assign_task(struct task_struct *task, struct assignment *wanted)
{
	struct task_tag *tag;

	tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	if (wanted->force == FORCE_RELEASE || wanted->force == FORCE_REMOVE) {
		if (!tag || !tag->membership)
			return;
		if (wanted->force == FORCE_RELEASE) {
			tag->membership = MEMBER_RELEASED;
			tag->flags &= ~TAG_BEYOND;
			if (task->pid == task->tgid)
				tell(NEWS_RELEASE);
		} else if (tag->membership == MEMBER_RELEASED) {
			charge(task, tag, task->se.sum_exec_runtime);
			bpf_task_storage_delete(&task_tags, task);
		}
		return;
	}
	if (!tag) {
		tag = bpf_task_storage_get(&task_tags, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!tag)
			return;
		open_accounts(task, tag);
		tag->vs = wanted->vs;
		tag->gate = wanted->gate;
		tag->membership = wanted->force == FORCE_EXPLICIT ? MEMBER_ASSIGNED : MEMBER_BY_RULES;
		tag->bound_at = bpf_ktime_get_ns();
		set_service(task, tag, wanted->service);
		return;
	}
	assign(task, tag, wanted);
	if (wanted->force != FORCE_EXPLICIT)
		set_service(task, tag, wanted->service);
}

SEC("iter/task")
int assign_tags(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct assignment *wanted;
	__u32 tgid;

	if (!task)
		return 0;
	tgid = task->tgid;
	wanted = bpf_map_lookup_elem(&assignments, &tgid);
	if (!wanted)
		return 0;
	assign_task(task, wanted);
	if (task->pid == task->tgid && counts_processes())
		count_found_process(task, bpf_task_storage_get(&task_tags, task, 0, 0));
	return 0;
}

/* Processes that are older than the limits, that members became late, or that were bound in a way in which they count for nobody. */
SEC("iter/task")
int count_members(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task && task->pid == task->tgid)
		count_found_process(task, bpf_task_storage_get(&task_tags, task, 0, 0));
	return 0;
}

SEC("iter/task")
int list_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_record record = {};
	struct task_tag *tag;
	__u64 runtime;

	if (!task)
		return 0;
	tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	if (!tag)
		return 0;
	runtime = task->se.sum_exec_runtime;
	record.tid = task->pid;
	record.tgid = task->tgid;
	record.parent = BPF_CORE_READ(task, real_parent, tgid);
	record.service = tag->service;
	record.vs = tag->vs;
	record.gate = tag->gate;
	record.flags = tag->flags;
	record.membership = tag->membership;
	record.inherited_from = tag->inherited_from;
	record.requests_open = tag->requests;
	record.hits_open = tag->hits;
	record.wait_open = delay_of(task) - tag->delay_bound;
	record.started = tag->started;
	record.bound_at = tag->bound_at;
	record.cpu_open = runtime > tag->runtime_bound ? runtime - tag->runtime_bound : 0;
	record.cpu_total = runtime - tag->runtime_tagged;
	record.cgroup_v2 = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, cpu_cgrp_id)) {
		struct css_set *groups = BPF_CORE_READ(task, cgroups);
		struct cgroup_subsys_state *state = NULL;
		__u32 index = bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id);

		bpf_core_read(&state, sizeof(state), &groups->subsys[index]);
		record.cgroup_cpu = BPF_CORE_READ(state, cgroup, kn, id);
	}
	bpf_probe_read_kernel_str(record.comm, sizeof(record.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

static __always_inline struct sock *sock_of(struct bpf_iter__task_file *ctx, struct task_tag **tag)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;

	if (!task || !file)
		return NULL;
	*tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	if (!*tag)
		return NULL;
	socket = bpf_sock_from_file(file);
	return socket ? socket->sk : NULL;
}

/* First pass over the sockets that exist already: listeners of services. */
SEC("iter/task_file")
int mark_listeners(struct bpf_iter__task_file *ctx)
{
	struct task_tag *tag;
	struct sock *sk = sock_of(ctx, &tag);

	if (sk && tag->service && is_tcp(sk) && sk->__sk_common.skc_state == TCP_LISTEN)
		mark_listener(sk, tag);
	return 0;
}

/* Second pass: established connections. One whose local address is a governed listener's was accepted there, any other was made by its holder. */
SEC("iter/task_file")
int mark_connections(struct bpf_iter__task_file *ctx)
{
	struct flow fresh = {};
	struct listener_key key;
	struct flow_key flow;
	struct sock_tag *mark;
	struct task_tag *tag;
	struct sock *sk = sock_of(ctx, &tag);
	__u32 *service;

	if (!sk || !is_tcp(sk) || sk->__sk_common.skc_state != TCP_ESTABLISHED)
		return 0;
	if (bpf_sk_storage_get(&sock_tags, sk, 0, 0))
		return 0;
	listener_of(sk, &key);
	service = bpf_map_lookup_elem(&listeners, &key);
	if (!service) {
		__builtin_memset(key.address, 0, sizeof(key.address));
		service = bpf_map_lookup_elem(&listeners, &key);
	}
	if (!service && tag->vs == VS_NONE)
		return 0;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!mark)
		return 0;
	if (service) {
		mark->role = ROLE_SERVER;
		mark->service = *service;
		return 0;
	}
	mark->role = ROLE_CLIENT;
	mark->service = tag->service;
	mark->vs = tag->vs;
	flow_of(sk, true, &flow);
	mark->creator = mark->told = tag->vs;
	fresh.vs = tag->vs;
	bpf_map_update_elem(&flows, &flow, &fresh, BPF_ANY);
	return 0;
}

/* Third pass, when all flows are known: who holds which server-side connection, and for whom it is. */
SEC("iter/task_file")
int list_servers(struct bpf_iter__task_file *ctx)
{
	struct server_record record = {};
	struct task_struct *task = ctx->task;
	struct unix_sock *local;
	struct sock_tag *mark;
	struct task_tag *tag;
	struct sock *sk = sock_of(ctx, &tag);
	__u32 generation = generation_now();

	if (!task || !sk || !tag->service || sk->__sk_common.skc_state != TCP_ESTABLISHED)
		return 0;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	if (sk->__sk_common.skc_family == AF_UNIX) {
		local = bpf_skc_to_unix_sock(sk);
		if (!local || !local->addr || !local->peer)
			return 0;
		if (!mark)
			mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!mark)
			return 0;
		mark->role = ROLE_SERVER;
		mark->service = tag->service;
		mark->endpoint = unix_endpoint(local, generation);
		mark->generation = generation;
		/* What senders have told since is newer knowledge than who made the connection. */
		if (!(mark->flags & (MARK_TOLD | MARK_BOUND)))
			unix_requester(sk, mark);
	} else {
		if (!is_tcp(sk) || !mark || mark->role == ROLE_CLIENT)
			return 0;
		resolve_server(sk, mark, generation);
	}
	record.tgid = task->tgid;
	record.service = tag->service;
	record.requester = mark->vs;
	record.endpoint = mark->endpoint == ENDPOINT_OTHER ? 0 : mark->endpoint;
	record.socket = (__u64)sk;
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

/* A socket that no hook counted. Runs after the passes above, which tell what is whose. `begins`: what is there is older than the limits. */
static __always_inline void count_found(struct bpf_iter__task_file *ctx, bool begins)
{
	__u32 generation = generation_now(), vs;
	struct sock_tag *mark;
	struct task_tag *tag;
	struct sock *sk = sock_of(ctx, &tag);
	bool accepted;
	__u16 family;

	if (!sk)
		return;
	family = sk->__sk_common.skc_family;
	if (family != AF_INET && family != AF_INET6)
		return;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	accepted = mark && mark->role == ROLE_SERVER;
	/* For whom a gate lets a process work says nothing about what else it holds. */
	if (accepted || (mark && (mark->flags & MARK_BOUND)))
		vs = mark->vs;
	else
		vs = tag->gate ? VS_NONE : tag->vs;
	if (!counter_of(vs, generation, COUNT_SOCKETS))
		return;
	if (!mark)
		mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (mark)
		count_socket((__u64)sk, mark, vs, generation, !begins && accepted && !(mark->flags & MARK_USED) ? COUNT_MADE : COUNT_OLD);
}

SEC("iter/task_file")
int count_sockets(struct bpf_iter__task_file *ctx)
{
	count_found(ctx, true);
	return 0;
}

/* Now and then: connections that were accepted and never used, and what members held that were found late. */
SEC("iter/task_file")
int count_idle(struct bpf_iter__task_file *ctx)
{
	count_found(ctx, false);
	return 0;
}

/* Connections that governed processes hold, once per holder. Not iter/bpf_sk_storage_map, which some hosts refuse while they allow this one. */
SEC("iter/task_file")
int list_connections(struct bpf_iter__task_file *ctx)
{
	struct connection_record record = {};
	struct task_struct *task = ctx->task;
	struct sock_tag *mark;
	struct task_tag *tag;
	struct sock *sk = sock_of(ctx, &tag);

	if (!task || !sk)
		return 0;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	if (!mark || mark->role == ROLE_LISTENER)
		return 0;
	record.role = mark->role;
	record.service = mark->service;
	record.vs = mark->vs;
	record.endpoint = mark->endpoint;
	record.tgid = task->tgid;
	record.fd = ctx->fd;
	record.socket = (__u64)sk;
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}
