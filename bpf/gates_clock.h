/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runtime of the current task at this instant: its sum_exec_runtime is only as new as the last tick or switch. What it ran since then is known from the run queue's clock, brought
 * up to now. An error here moves time between the virtual services of one thread, never in or out of their sum.
 */
#pragma once

enum { CLOCK_WINDOW_BITS = 26 };	/* 67 ms: two clocks that a time daemon slews by 500 ppm drift 34 us apart */

static __noinline __u64 runtime_now(struct task_struct *task)
{
	__u64 now = bpf_ktime_get_ns(), window = now >> CLOCK_WINDOW_BITS;
	struct clock_offset *offset = bpf_map_lookup_elem(&clock_offsets, &zero);
	__s64 difference, least, elapsed;
	struct rq *queue;

	/* Through the task, for not every kernel lists where its run queues are. Each kernel that schedules groups has these fields. */
	if (!offset || !bpf_core_field_exists(task->se.cfs_rq))
		return task->se.sum_exec_runtime;
	queue = task->se.cfs_rq->rq;
	difference = now - queue->clock;
	if (offset->window != window) {
		offset->least_before = offset->window + 1 == window ? offset->least : difference;
		offset->least = difference;
		offset->window = window;
	} else if (difference < (__s64)offset->least) {
		offset->least = difference;
	}
	least = (__s64)offset->least < (__s64)offset->least_before ? offset->least : offset->least_before;
	/* now - least is the run queue's clock as it would be if it were read now. */
	elapsed = difference - least + (__s64)(queue->clock_task - task->se.exec_start);
	return task->se.sum_exec_runtime + (elapsed > 0 ? elapsed : 0);
}
