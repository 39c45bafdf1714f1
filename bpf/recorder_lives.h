/* Processes and threads: who makes them, what they execute, when they end. */
#ifndef RECORDER_LIVES_H
#define RECORDER_LIVES_H

#include "recorder_rings.h"

static __always_inline void submit_life(struct task_struct *task, u8 kind, s32 child, s32 child_pid)
{
	struct ring_event *event = ring_reserve(sizeof(*event));

	if (!event)
		return;
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->cpu_ns = task->se.sum_exec_runtime;
	event->pid = task->tgid;
	event->tid = task->pid;
	event->fd = -1;
	event->child = child;
	event->child_pid = child_pid;
	event->kind = kind;
	ring_submit(event);
}

static __always_inline void submit_process(struct task_struct *task, struct recorded_task *state, u32 executed)
{
	struct ring_process *process = ring_reserve(sizeof(*process));

	if (!process)
		return;
	__builtin_memset(process, 0, sizeof(*process));
	process->event.time_ns = bpf_ktime_get_ns();
	process->event.kind = RECORD_PROCESS;
	process->event.pid = task->tgid;
	process->event.tid = task->pid;
	process->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	process->parent_pid = BPF_CORE_READ(task, real_parent, tgid);
	process->uid = BPF_CORE_READ(task, cred, euid.val);
	process->service = state->service;
	process->executed = executed;
	bpf_probe_read_kernel(process->comm, sizeof(process->comm), task->comm);
	ring_submit(process);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct recorded_task *state = recorded(parent);
	struct recorded_task *inherited;

	if (!state)
		return 0;
	inherited = bpf_task_storage_get(&tasks, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!inherited) {
		count_unmarked();
		return 0;
	}
	inherited->service = state->service;
	take_place(child, state->service, 0);
	submit_life(parent, CALL_FORK, child->pid, child->tgid);
	if (child->pid == child->tgid)
		submit_process(child, inherited, 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, s32 old_tid)
{
	struct recorded_task *state = recorded(task);

	if (!state)
		return 0;
	/* It has become its process's first thread, with that one's id and start. */
	if (task->pid != old_tid) {
		take_place(task, state->service, 0);
		leave_place(old_tid);
	}
	submit_life(task, CALL_EXEC, 0, 0);
	submit_process(task, state, 1);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_task_exit, struct task_struct *task)
{
	if (!recorded(task))
		return 0;
	submit_life(task, CALL_EXIT, 0, 0);
	leave_place(task->pid);
	return 0;
}

#endif
