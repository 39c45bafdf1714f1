/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runtime of the current task at this instant: its sum_exec_runtime is only as new as the last tick or switch. What it ran since then is known from the run queue's clock, brought
 * up to now: CLOCK_MONOTONIC less that clock is the same at all times but for what a time daemon slews, and seen least right after the kernel has set that clock, as at a switch.
 * An error here moves time between the virtual services of one thread; it leaves their sum, but for interrupts and stolen time since the last tick where the task ends before the next.
 */
#pragma once

enum {
	CLOCK_WINDOW_BITS = 26,		/* 67 ms */
	CLOCK_WINDOWS = 16,		/* 1 s: two clocks of which one is slewed by 500 ppm drift 0.5 ms apart, usually a hundredth of that */
};

/* Not every kernel lists where its run queues are, but each that schedules groups has these fields. */
static __always_inline struct rq *queue_of(struct task_struct *task)
{
	return bpf_core_field_exists(task->se.cfs_rq) ? task->se.cfs_rq->rq : NULL;
}

static __noinline void see_offset(struct clock_offset *offset, __u64 clock, __u64 now)
{
	__u64 window = clock >> CLOCK_WINDOW_BITS;
	__s64 difference = now - clock;

	if (offset->window != window) {
		offset->least_before = window - offset->window <= CLOCK_WINDOWS ? offset->least : difference;
		offset->least = difference;
		offset->window = window;
	} else if (difference < (__s64)offset->least) {
		offset->least = difference;
	}
}

/* At a switch: once for each window is enough. */
static __always_inline void watch_clock(struct task_struct *task)
{
	struct clock_offset *offset = bpf_map_lookup_elem(&clock_offsets, &zero);
	struct rq *queue = queue_of(task);
	__u64 clock;

	if (!offset || !queue)
		return;
	clock = queue->clock;
	if (clock >> CLOCK_WINDOW_BITS != offset->window)
		see_offset(offset, clock, bpf_ktime_get_ns());
}

static __noinline __u64 runtime_now(struct task_struct *task)
{
	struct clock_offset *offset = bpf_map_lookup_elem(&clock_offsets, &zero);
	__u64 sum = task->se.sum_exec_runtime, start = task->se.exec_start, clock, clock_task, now;
	struct rq *queue = queue_of(task);
	__s64 least, elapsed;

	if (!offset || !queue)
		return sum;
	clock = queue->clock;
	clock_task = queue->clock_task;
	now = bpf_ktime_get_ns();
	barrier();
	/* A tick or a switch came in between: then the sum is new. */
	if (queue->clock != clock || task->se.exec_start != start)
		return task->se.sum_exec_runtime;
	see_offset(offset, clock, now);
	least = (__s64)offset->least < (__s64)offset->least_before ? offset->least : offset->least_before;
	/* now - least is the run queue's clock as it would be if it were read now. */
	elapsed = (__s64)(now - clock) - least + (__s64)(clock_task - start);
	return sum + (elapsed > 0 ? elapsed : 0);
}
