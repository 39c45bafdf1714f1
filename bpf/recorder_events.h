/* Handing events over. */
#ifndef RECORDER_EVENTS_H
#define RECORDER_EVENTS_H

#include "recorder_describe.h"

/* What a call came to. */
struct outcome {
	u64 now_ns;
	struct peer_address peer;
	s32 fd;
	s32 result;
	u8 kind;
};

/* Restart codes (512..516) are the kernel's own; the program sees EINTR, or the call runs again. */
static __always_inline s32 shown_result(long result)
{
	if (result <= -512 && result >= -516)
		return -4;
	return result > 0x7fffffff ? 0x7fffffff : result;
}

static __always_inline void fill_event(struct ring_event *event, struct task_struct *task, u64 socket, u64 enter_ns, u64 now_ns, s32 fd, s32 result, u8 kind)
{
	u64 took = now_ns - enter_ns;

	if (took > 0xffffffff)
		took = 0xffffffff;
	event->time_ns = now_ns - took;
	event->duration_ns = took;
	event->cpu_ns = task->se.sum_exec_runtime;
	event->socket = socket;
	event->result = result;
	event->pid = task->tgid;
	event->tid = task->pid;
	event->fd = fd;
	event->child = 0;
	event->child_pid = 0;
	event->kind = kind;
	event->has_peer = 0;
}

/* A call about nothing that is still to be described. */
static __always_inline void submit_event(struct task_struct *task, u64 socket, u64 enter_ns, u64 now_ns, s32 fd, s32 result, u8 kind)
{
	struct ring_event *event = ring_reserve(sizeof(*event));

	if (!event)
		return;
	fill_event(event, task, socket, enter_ns, now_ns, fd, result, kind);
	ring_submit(event);
}

static __noinline void submit_datagram(struct task_struct *task, struct recorded_task *state, struct found_socket *found, struct outcome *outcome)
{
	struct ring_datagram *datagram = ring_reserve(sizeof(*datagram));

	if (!datagram)
		return;
	fill_event(&datagram->event, task, found->id, state->enter_ns, outcome->now_ns, outcome->fd, outcome->result, outcome->kind);
	datagram->event.has_peer = 1;
	datagram->peer = outcome->peer;
	ring_submit(datagram);
}

/* A call about a socket, or about none where its id is 0. The socket is described before. */
static __noinline void submit_call(struct task_struct *task, struct recorded_task *state, struct found_socket *found, struct outcome *outcome, u8 role)
{
	if (found->id && (!knows(state, found->id) || role != ROLE_UNKNOWN))
		describe(task, state, found, outcome->fd, role);
	if (outcome->peer.port)
		submit_datagram(task, state, found, outcome);
	else
		submit_event(task, found->id, state->enter_ns, outcome->now_ns, outcome->fd, outcome->result, outcome->kind);
}

#endif
