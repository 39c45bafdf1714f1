/* SPDX-License-Identifier: GPL-2.0 */
/* Tasks: the share feedback at each switch, inheritance and the gate at a fork. */
#pragma once

/* Another rule set may be in force since the thread was bound: it does not stay apart from its process for rules that are gone. */
static __noinline void forget_scope(struct task_tag *tag)
{
	__u32 generation = generation_now();

	if (has_gate(tag, generation, BINDS_REQUESTS))
		return;
	tag->flags &= ~(TAG_REQUEST | TAG_ANSWERED | TAG_WOKEN);
	if (!has_gate(tag, generation, BINDS_THREADS))
		tag->flags &= ~TAG_OWN_THREAD;
}

/* A task leaves the processor whose thread or requests are bound apart from others', or that ends. */
static __noinline void leaves(struct task_struct *task, struct task_tag *tag, bool waits, bool dead)
{
	__u64 runtime = task->se.sum_exec_runtime;

	if (tag->flags & TAG_OWN_THREAD) {
		forget_scope(tag);
		watch_clock(task);
	}
	if (follows_leader(tag))
		take_leaders(task, tag, runtime);
	/* The very last switch, after the address space was taken down: the exit tracepoint would miss that work. */
	if (dead) {
		charge(task, tag, runtime);
	} else if ((tag->flags & TAG_REQUEST) && waits) {
		/* What it does when it wakes is for whoever it hears from next; without a request in hand it works for nobody. */
		charge(task, tag, runtime);
		if ((tag->flags & TAG_ANSWERED) && !tag->membership)
			tag->vs = VS_BEST_EFFORT;
		tag->flags = (tag->flags | TAG_WOKEN) & ~TAG_ANSWERED;
	}
}

/* True where the task ran into another step of the share feedback since it was picked. Only the fair class keeps what a task had run by then: with others it is always true. */
static __always_inline bool ran_a_step(const struct task_struct *task)
{
	return (task->se.sum_exec_runtime ^ task->se.prev_sum_exec_runtime) >> FEED_STEP_BITS;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next, unsigned int prev_state)
{
	struct task_tag *tag;

	/* Every switch of the machine comes here: most tasks have no storage at all. */
	if (!prev->bpf_storage)
		return 0;
	/* Most switches: seen without the tag, for to look it up is what this program costs. */
	if (prev->pid == prev->tgid && !(prev_state & TASK_DEAD) && !ran_a_step(prev) && binds_whole_processes())
		return 0;
	tag = bpf_task_storage_get(&task_tags, prev, 0, 0);
	if (!tag)
		return 0;
	if (ran_a_step(prev))
		feed(prev, tag);
	if ((tag->flags & (TAG_OWN_THREAD | TAG_THREAD)) || (prev_state & TASK_DEAD))
		leaves(prev, tag, !preempt && prev_state, prev_state & TASK_DEAD);
	return 0;
}

/* A gate at the fork. Here the child has not run yet. */
static __noinline void pass_fork(struct task_struct *child, struct task_tag *tag, bool thread)
{
	__u32 generation = generation_now(), before = tag->vs, classify, scope;
	struct gate_stats *count;
	struct rule *rule;

	if (!tag->service || tag->membership || !has_gate(tag, generation, GATE_FORK))
		return;
	rule = find_rule(generation, tag->service, GATE_FORK, 0, 0);
	if (!rule)
		return;
	classify = rule->classify;
	scope = rule->scope;
	count = bpf_map_lookup_elem(&gate_counts, &rule->gate);
	if (!count || (scope == BIND_THREAD) != thread)
		return; /* binds: process is about new processes, thread about new threads */
	count->hits++;
	/* The creator is the parent, from whom it has its VS already. */
	if (classify == CLASSIFY_KEEP)
		return;
	tag->gate = rule->gate;
	if (scope == BIND_THREAD)
		tag->flags |= TAG_OWN_THREAD;
	if (classify != CLASSIFY_NAMED || before == rule->vs)
		return;
	tag->vs = rule->vs;
	tag->flags &= ~TAG_BEYOND;
	tag->inherited_from = 0;
	count->rebinds++;
	count_rebind(tag);
	tell_mover(child, before, tag->vs, tag->gate, scope, tag->bound_at);
}

/* A new process counts for whom it works. It is there already: beyond a limit it works for best effort, or counts above it. */
static __noinline void count_child(struct task_struct *child, struct task_tag *tag)
{
	__u32 before = tag->vs;

	if (!count_process(child->tgid, vs_of_process(tag), COUNT_MADE))
		return;
	tag->vs = VS_BEST_EFFORT;
	tag->gate = 0;
	tag->flags |= TAG_BEYOND;
	tell_mover(child, before, VS_BEST_EFFORT, MOVE_AHEAD, BIND_PROCESS, tag->bound_at);
}

/* Not sched_process_fork: the workers of io_uring are made without it. */
SEC("tp_btf/task_newtask")
int BPF_PROG(on_fork, struct task_struct *child, __u64 clone_flags)
{
	struct task_struct *parent = bpf_get_current_task_btf();
	struct task_tag *from = bpf_task_storage_get(&task_tags, parent, 0, 0);
	__u32 child_tgid = child->tgid, parent_tgid = parent->tgid;
	bool thread = child_tgid == parent_tgid;
	struct task_tag *tag;

	if (!from)
		return 0;
	tag = bpf_task_storage_get(&task_tags, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!tag)
		return 0;
	tag->service = from->service;
	tag->vs = from->vs;
	tag->gate = from->gate;
	tag->flags = from->flags & (TAG_OWN_THREAD | TAG_BEYOND);
	tag->bound_at = bpf_ktime_get_ns();
	/* A thread is part of its process: it has it from where the process has it. */
	if (thread) {
		tag->membership = from->membership;
		tag->inherited_from = from->inherited_from;
	} else {
		tag->membership = from->membership ? MEMBER_OF_ASSIGNED : MEMBER_BY_RULES;
		tag->inherited_from = parent_tgid;
		if ((from->flags & TAG_LISTENS) && !from->gate)
			tag->flags |= TAG_BEGINS;
	}
	open_accounts(child, tag);
	pass_fork(child, tag, thread);
	if (!thread && counts_processes())
		count_child(child, tag);
	return 0;
}

/* Attached once processes are counted, and until all is put back. A leader may end before its threads, and a process that lost its tag was counted all the same. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	uncount_if_ended(task);
	return 0;
}
