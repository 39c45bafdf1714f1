/* SPDX-License-Identifier: GPL-2.0 */
/* Accounts: who is charged for the runtime of a task, and what is counted for whom. */
#pragma once

enum { FEED_STEP_BITS = 19 /* 0.5 ms */, MOST_OPEN = 1 << 30 };

/* Not on the stack: seven calls deep there are 512 bytes for all frames together, and Linux before 6.13 counts them. */
static const struct account no_account;

static __always_inline struct account *account_of(struct account_key *key)
{
	struct account *account = bpf_map_lookup_elem(&accounts, key);

	if (account)
		return account;
	bpf_map_update_elem(&accounts, key, &no_account, BPF_NOEXIST);
	return bpf_map_lookup_elem(&accounts, key);
}

/* Of a task that sleeps or runs: the time that it waited for a processor, all told. */
static __always_inline __u64 delay_of(struct task_struct *task)
{
	return bpf_core_field_exists(task->sched_info) ? task->sched_info.run_delay : 0;
}

/* What was in a tag is in a map now: a reader that saw this change reads again. */
static __always_inline void tell_readers(void)
{
	__u64 *count = bpf_map_lookup_elem(&charges, &zero);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* What was counted in the tag goes to where it belongs. */
static __noinline void settle_counts(struct task_tag *tag)
{
	struct account_key key = { .vs = tag->vs, .service = tag->service };
	__u32 requests = __sync_lock_test_and_set(&tag->requests, 0), hits = __sync_lock_test_and_set(&tag->hits, 0), gate = tag->gate;
	struct account *account;
	struct gate_stats *count;

	if (requests) {
		account = account_of(&key);
		if (account)
			__sync_fetch_and_add(&account->requests, requests);
	}
	if (hits) {
		count = bpf_map_lookup_elem(&gate_counts, &gate);
		if (count)
			__sync_fetch_and_add(&count->hits, hits);
	}
	tell_readers();
}

static __always_inline void settle(struct task_tag *tag)
{
	if (tag->requests | tag->hits)
		settle_counts(tag);
}

/* Before a tag changes its VS, its service or its gate. */
static __noinline void charge(struct task_struct *task, struct task_tag *tag, __u64 runtime)
{
	struct account_key key = { .vs = tag->vs, .service = tag->service };
	struct process_key process = { .started = tag->started, .tgid = task->tgid, .vs = tag->vs };
	struct process_account *of_process;
	__u64 delta, delay;
	struct account *account;

	settle(tag);
	if (runtime <= tag->runtime_bound)
		return;
	delta = runtime - tag->runtime_bound;
	tag->runtime_bound = runtime;
	account = account_of(&key);
	/* Atomic though the slot is this processor's own: an iterator that charges can be preempted by a switch that charges. */
	if (account) {
		__sync_fetch_and_add(&account->cpu_ns, delta);
		delay = delay_of(task);
		if (delay > tag->delay_bound) {
			__sync_fetch_and_add(&account->wait_ns, delay - tag->delay_bound);
			tag->delay_bound = delay;
		}
	}
	of_process = bpf_map_lookup_elem(&process_cpu, &process);
	if (of_process) {
		__sync_fetch_and_add(&of_process->cpu_ns, delta);
	} else {
		struct process_account first = { .cpu_ns = delta, .service = tag->service };

		bpf_map_update_elem(&process_cpu, &process, &first, BPF_ANY);
	}
	tell_readers();
}

/* A gate of the task's service bound it to the VS that it has now. */
static __always_inline void count_rebind(const struct task_tag *tag)
{
	struct account_key key = { .vs = tag->vs, .service = tag->service };
	struct account *account = account_of(&key);

	if (account)
		__sync_fetch_and_add(&account->rebinds, 1);
}

/* A task gets its tag. */
static __always_inline void open_accounts(struct task_struct *task, struct task_tag *tag)
{
	tag->started = BPF_CORE_READ(task, group_leader, start_boottime);
	tag->runtime_tagged = tag->runtime_bound = tag->runtime_fed = task->se.sum_exec_runtime;
	tag->delay_bound = delay_of(task);
	if (task->pid != task->tgid)
		tag->flags |= TAG_THREAD;
}

/*
 * For the share feedback: what the task ran goes to the virtual service that it has now, in steps that its period (50 ms) does not notice: when it has run into the next one. The accounts
 * are exact, this need not be.
 */
static __noinline void feed(struct task_struct *task, struct task_tag *tag)
{
	__u64 runtime = task->se.sum_exec_runtime, *sum;
	__u32 vs = tag->vs;

	watch_clock(task);
	sum = bpf_map_lookup_elem(&vs_runtime, &vs);
	if (sum)
		*sum += runtime - tag->runtime_fed;
	tag->runtime_fed = runtime;
	/* Long before they overflow. */
	if (tag->hits > MOST_OPEN || tag->requests > MOST_OPEN)
		settle(tag);
}

static __noinline void take_leaders(struct task_struct *task, struct task_tag *tag, __u64 runtime)
{
	struct task_tag *leader = bpf_task_storage_get(&task_tags, task->group_leader, 0, 0);

	if (!leader || leader->vs == tag->vs)
		return;
	charge(task, tag, runtime);
	tag->vs = leader->vs;
	tag->gate = leader->gate;
	tag->bound_at = leader->bound_at;
	tag->membership = leader->membership;
	tag->inherited_from = leader->inherited_from;
}

/* A process-wide binding is made in the leader's tag; the other threads follow when they next leave the processor. */
static __always_inline bool follows_leader(const struct task_tag *tag)
{
	return (tag->flags & (TAG_THREAD | TAG_OWN_THREAD)) == TAG_THREAD;
}
