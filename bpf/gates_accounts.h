/* SPDX-License-Identifier: GPL-2.0 */
/* CPU accounts: who is charged for the runtime of a task, to the nanosecond. */
#pragma once

static __always_inline struct account *account_of(struct account_key *key)
{
	struct account *account = bpf_map_lookup_elem(&accounts, key), none = {};

	if (account)
		return account;
	bpf_map_update_elem(&accounts, key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&accounts, key);
}

static __always_inline void charge(struct task_tag *tag, __u32 tgid, __u64 runtime)
{
	struct account_key key = { .vs = tag->vs, .service = tag->service };
	struct process_key process = { .started = tag->started, .tgid = tgid, .vs = tag->vs };
	struct process_account *of_process;
	struct account *account;
	__u64 *count, delta;

	if (runtime <= tag->runtime_bound)
		return;
	delta = runtime - tag->runtime_bound;
	tag->runtime_bound = runtime;
	account = account_of(&key);
	/* Atomic though the slot is this processor's own: an iterator that charges can be preempted by a switch that charges. */
	if (account) {
		__sync_fetch_and_add(&account->cpu_ns, delta);
		if (tag->delay_seen > tag->delay_bound) {
			__sync_fetch_and_add(&account->wait_ns, tag->delay_seen - tag->delay_bound);
			tag->delay_bound = tag->delay_seen;
		}
	}
	of_process = bpf_map_lookup_elem(&process_cpu, &process);
	if (of_process) {
		__sync_fetch_and_add(&of_process->cpu_ns, delta);
	} else {
		struct process_account first = { .cpu_ns = delta, .service = tag->service };

		bpf_map_update_elem(&process_cpu, &process, &first, BPF_ANY);
	}
	count = bpf_map_lookup_elem(&charges, &zero);
	if (count)
		__sync_fetch_and_add(count, 1);
}

/* Runtime of the current task at this instant: sum_exec_runtime is only as new as the last tick. */
static __always_inline __u64 runtime_now(struct task_struct *task, struct task_tag *tag, __u64 now)
{
	__u64 runtime = task->se.sum_exec_runtime;
	__u64 *since;

	if (!(tag->flags & TAG_SEEN))
		return runtime;
	since = bpf_map_lookup_elem(&switched_at, &zero);
	if (since && *since && now > *since && tag->runtime_seen + (now - *since) > runtime)
		runtime = tag->runtime_seen + (now - *since);
	return runtime;
}

/* For the share feedback: what the task ran since its last switch goes to the virtual service that it has now. The accounts are exact, this need not be. */
static __always_inline void run_for(struct task_tag *tag, __u64 runtime)
{
	__u64 before = tag->flags & TAG_SEEN ? tag->runtime_seen : tag->runtime_tagged;
	__u32 vs = tag->vs;
	__u64 *sum = bpf_map_lookup_elem(&vs_runtime, &vs);

	if (sum && runtime > before)
		*sum += runtime - before;
}

/* A process-wide binding is made in the leader's tag; the other threads follow when they next leave the processor. */
static __always_inline void follow_leader(struct task_struct *task, struct task_tag *tag, __u64 runtime)
{
	struct task_tag *leader;

	if (task->pid == task->tgid || (tag->flags & TAG_OWN_THREAD))
		return;
	leader = bpf_task_storage_get(&task_tags, task->group_leader, 0, 0);
	if (!leader || leader->vs == tag->vs)
		return;
	charge(tag, task->tgid, runtime);
	tag->vs = leader->vs;
	tag->gate = leader->gate;
	tag->bound_at = leader->bound_at;
	tag->membership = leader->membership;
	tag->inherited_from = leader->inherited_from;
}
