/* Wake-ups between recorded threads: how work is handed from one thread of a pool to another. */
#ifndef RECORDER_WAKES_H
#define RECORDER_WAKES_H

#include "recorder_arguments.h"
#include "recorder_events.h"

#define TASK_INTERRUPTIBLE 1

/*
 * In the task that wakes, before the woken one can run. An interrupt's wake-up is laid to the task that it interrupted; nothing here can
 * tell it for certain. So only calls that exist to wake somebody count, and a futex must have had the woken one asleep in a futex.
 */
SEC("tp_btf/sched_waking")
int BPF_PROG(on_waking, struct task_struct *woken)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct found_socket found = {};
	struct ring_event *event;
	struct pt_regs *regs;
	s32 fd = -1;
	u8 means;
	u64 id;

	/* Uninterruptible sleep is the kernel's own business: a lock, a page. */
	if (!(woken->__state & TASK_INTERRUPTIBLE) || task->pid == woken->pid || !recorded(woken) || !recorded(task))
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	id = call_number(regs);
	if (id >= CALLS || is_foreign(task))
		return 0;
	means = config.wakes[id];
	if (means == WAKE_FUTEX) {
		id = call_number((struct pt_regs *)bpf_task_pt_regs(woken));
		if (id >= CALLS || config.wakes[id] != WAKE_FUTEX)
			return 0;
	} else if (means == WAKE_UNKNOWN) {
		return 0;
	} else if (means == WAKE_BY_DESCRIPTOR) {
		fd = (s32)saved_argument(regs, 0);
		if (!find_socket(task, fd, &found) || found.sk)
			return 0; /* whoever reads the socket is seen to read it */
		means = found.is_eventfd ? WAKE_EVENTFD : WAKE_PIPE;
	}

	event = ring_reserve(sizeof(*event));
	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->socket = found.id;
	event->result = means;
	event->pid = task->tgid;
	event->tid = task->pid;
	event->fd = fd;
	event->child = woken->pid;
	event->child_pid = woken->tgid;
	event->kind = CALL_WAKE;
	ring_submit(event);
	return 0;
}

#endif
