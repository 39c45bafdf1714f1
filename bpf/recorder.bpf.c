/*
 * Records the calls that relay work, of chosen tasks only. A task is chosen by its task storage, which children inherit at fork.
 * Strangers pay for one look into the call table and, for calls of a kind that is recorded, a look-up of storage that is not there.
 */
#include "session.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "recorder_sockets.h"

char LICENSE[] SEC("license") = "GPL";

const volatile struct recorder_config config = {};

static __always_inline u64 saved_argument(struct pt_regs *regs, int index)
{
#if defined(__TARGET_ARCH_x86)
	switch (index) {
	case 0:
		return regs->di;
	case 1:
		return regs->si;
	case 2:
		return regs->dx;
	default:
		return regs->r10;
	}
#else
	/* The first register is overwritten by the result; orig_x0 keeps it. */
	return index == 0 ? regs->orig_x0 : regs->regs[index];
#endif
}

static __always_inline u64 call_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#else
	return (u32)regs->syscallno;
#endif
}

/* 32-bit tasks number their calls differently: to read theirs as ours would invent events. */
static __always_inline bool is_foreign(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & 2; /* TS_COMPAT */
#else
	return task->thread_info.flags & (1 << 22); /* TIF_32BIT */
#endif
}

/* Notes what a call is about. Nothing is noted where it is not about a socket or pipe. */
static __always_inline void begin(struct task_struct *task, struct recorded_task *state, struct pt_regs *regs, u8 entry, u64 now)
{
	u8 form = entry >> 4;
	u8 kind = entry & 15;

	state->kind = CALL_NONE;
	state->fresh = 0;
	if (form == FORM_FLAGS3 && saved_argument(regs, 2) & (MSG_PEEK | MSG_ERRQUEUE) && kind == CALL_RECEIVE)
		return; /* the bytes stay where they are */
	if ((form == FORM_FLAGS4 || form == FORM_MANY_RECEIVED) && saved_argument(regs, 3) & (MSG_PEEK | MSG_ERRQUEUE) && kind == CALL_RECEIVE)
		return;

	state->fd = (s32)saved_argument(regs, form == FORM_REPLACES);
	if (form == FORM_REPLACES && state->fd == (s32)saved_argument(regs, 0))
		return; /* dup2 of a descriptor onto itself does nothing */

	/*
	 * Looked up before the call: afterwards another thread may have closed the descriptor and got the same number for
	 * something else, and after close there is nothing to look up. For accept this is the listener.
	 */
	if (!find_socket(task, state->fd, &state->socket))
		return;
	state->vector = form == FORM_MANY_SENT || form == FORM_MANY_RECEIVED ? saved_argument(regs, 1) : 0;
	state->kind = kind;
	state->enter_ns = now;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_enter, struct pt_regs *regs, long id)
{
	struct task_struct *task;
	struct recorded_task *state;
	u8 entry;

	if ((unsigned long)id >= sizeof(config.calls))
		return 0;
	entry = config.calls[id];
	task = bpf_get_current_task_btf();
	if (!entry)
		return 0;
	state = bpf_task_storage_get(&tasks, task, 0, 0);
	if (!state)
		return 0;
	if (is_foreign(task)) {
		state->kind = CALL_NONE;
		state->fresh = 0;
		count_foreign();
		return 0;
	}
	begin(task, state, regs, entry, bpf_ktime_get_ns());
	return 0;
}

struct message_sum {
	u64 vector;
	s32 bytes;
};

static long add_message(u32 index, void *context)
{
	/* struct mmsghdr: a msghdr of 56 bytes, then the length. */
	struct message_sum *sum = context;
	u32 length = 0;

	if (bpf_probe_read_user(&length, sizeof(length), (void *)(sum->vector + index * 64ULL + 56)))
		return 1;
	sum->bytes += length;
	return 0;
}

static __always_inline s32 shown_result(struct recorded_task *state, long result)
{
	/* Restart codes (512..516) are the kernel's own; the program sees EINTR, or the call runs again. */
	if (result <= -512 && result >= -516)
		return -4;
	if (state->vector && result > 0) {
		struct message_sum sum = { .vector = state->vector };

		bpf_loop(result, add_message, &sum, 0);
		return sum.bytes;
	}
	return result > 0x7fffffff ? 0x7fffffff : result;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_exit, struct pt_regs *regs, long result)
{
	struct task_struct *task;
	struct recorded_task *state;
	struct ring_event *event;
	u64 id = call_number(regs);
	u64 now, took;
	u8 kind, role = ROLE_UNKNOWN;

	if (id >= sizeof(config.calls) || !config.calls[id])
		return 0;
	task = bpf_get_current_task_btf();
	state = bpf_task_storage_get(&tasks, task, 0, 0);
	if (!state)
		return 0;
	now = bpf_ktime_get_ns();
	/* A call that was under way when recording began: its enter was not seen, but the arguments are still there. */
	if (state->fresh && !is_foreign(task))
		begin(task, state, regs, config.calls[id], state->marked_ns);
	kind = state->kind;
	if (kind == CALL_NONE)
		return 0;
	state->kind = CALL_NONE;

	if (kind == CALL_ACCEPT && result >= 0) {
		state->fd = result;
		if (!find_socket(task, result, &state->socket))
			return 0;
		role = ROLE_SERVER;
	} else if (kind == CALL_CONNECT) {
		/* The cookie and both addresses are there only now. */
		find_socket(task, state->fd, &state->socket);
		if (result == 0 || result == -115) /* EINPROGRESS */
			role = ROLE_CLIENT;
	} else if (kind == CALL_LISTEN && result == 0) {
		find_socket(task, state->fd, &state->socket);
		role = ROLE_LISTENER;
	}
	if (state->socket.id != state->described || role != ROLE_UNKNOWN)
		describe(task, state, role);

	event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);
	if (!event) {
		count_lost();
		return 0;
	}
	took = now - state->enter_ns;
	if (took > 0xffffffff)
		took = 0xffffffff;
	event->time_ns = now - took;
	event->duration_ns = took;
	event->cpu_ns = task->se.sum_exec_runtime;
	event->socket = state->socket.id;
	event->result = shown_result(state, result);
	event->pid = task->tgid;
	event->tid = task->pid;
	event->fd = state->fd;
	event->child = 0;
	event->child_pid = 0;
	event->kind = kind;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	count_events();
	return 0;
}

static __always_inline void submit_life(struct task_struct *task, u8 kind, s32 child, s32 child_pid)
{
	struct ring_event *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event) {
		count_lost();
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->cpu_ns = task->se.sum_exec_runtime;
	event->pid = task->tgid;
	event->tid = task->pid;
	event->fd = -1;
	event->child = child;
	event->child_pid = child_pid;
	event->kind = kind;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	count_events();
}

static __always_inline void submit_process(struct task_struct *task, struct recorded_task *state, u32 executed)
{
	struct ring_process *process = bpf_ringbuf_reserve(&ring, sizeof(*process), 0);

	if (!process) {
		count_lost();
		return;
	}
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
	bpf_ringbuf_submit(process, BPF_RB_NO_WAKEUP);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct recorded_task *state = bpf_task_storage_get(&tasks, parent, 0, 0);
	struct recorded_task *inherited;

	if (!state)
		return 0;
	inherited = bpf_task_storage_get(&tasks, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!inherited) {
		count_unmarked();
		return 0;
	}
	inherited->service = state->service;
	submit_life(parent, CALL_FORK, child->pid, child->tgid);
	if (child->pid == child->tgid)
		submit_process(child, inherited, 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	struct recorded_task *state = bpf_task_storage_get(&tasks, task, 0, 0);

	if (!state)
		return 0;
	submit_life(task, CALL_EXEC, 0, 0);
	submit_process(task, state, 1);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_task_exit, struct task_struct *task)
{
	if (bpf_task_storage_get(&tasks, task, 0, 0))
		submit_life(task, CALL_EXIT, 0, 0);
	return 0;
}

/* Marks every thread of the processes in the map of services. Threads that are marked already keep their state. */
SEC("iter/task")
int mark_tasks(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct recorded_task *state;
	u32 process, *service;

	if (!task)
		return 0;
	process = task->tgid;
	service = bpf_map_lookup_elem(&services, &process);
	if (!service || bpf_task_storage_get(&tasks, task, 0, 0))
		return 0;
	state = bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state) {
		count_unmarked();
		return 0;
	}
	state->service = *service;
	state->marked_ns = bpf_ktime_get_ns();
	state->fresh = 1;
	return 0;
}
