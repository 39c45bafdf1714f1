/*
 * Level syscalls: the calls that relay work. Strangers pay for one look into the call table and, for calls of a kind that is recorded,
 * a look-up of storage that is not there.
 */
#ifndef RECORDER_CALLS_H
#define RECORDER_CALLS_H

#include "recorder_arguments.h"
#include "recorder_messages.h"

static __always_inline bool leaves_bytes(u8 kind, u64 flags)
{
	return kind == CALL_RECEIVE && flags & (MSG_PEEK | MSG_ERRQUEUE);
}

/* Notes what a call is about. Nothing is noted where it is not about a socket, pipe or eventfd. */
static __noinline void begin(struct task_struct *task, struct recorded_task *state, struct pt_regs *regs, u16 entry, u64 now)
{
	u8 form = entry >> 8;
	u8 kind = entry;
	bool wanted;

	state->kind = CALL_NONE;
	state->fresh = 0;
	state->second_kind = CALL_NONE;
	state->pointer = 0;
	state->form = form;
	state->fd = (s32)saved_argument(regs, 0);
	switch (form) {
	case FORM_ADDRESSED:
		if (leaves_bytes(kind, saved_argument(regs, 3)))
			return;
		state->pointer = saved_argument(regs, 4);
		break;
	case FORM_MESSAGE:
		if (leaves_bytes(kind, saved_argument(regs, 2)))
			return;
		state->pointer = saved_argument(regs, 1);
		break;
	case FORM_MESSAGES:
		if (leaves_bytes(kind, saved_argument(regs, 3)))
			return;
		state->pointer = saved_argument(regs, 1);
		break;
	case FORM_REPLACES:
		state->second_fd = (s32)saved_argument(regs, 1);
		if (state->second_fd != state->fd && find_socket(task, state->second_fd, &state->second))
			state->second_kind = CALL_CLOSE;
		break;
	case FORM_CONTROL:
		if (saved_argument(regs, 1) != F_DUPFD && saved_argument(regs, 1) != F_DUPFD_CLOEXEC)
			return;
		break;
	case FORM_PIPE:
		state->pointer = saved_argument(regs, 0);
		break;
	case FORM_SOCKET_PAIR:
		state->pointer = saved_argument(regs, 3);
		break;
	case FORM_MOVES:
		state->second_fd = (s32)saved_argument(regs, 2);
		if (find_socket(task, state->second_fd, &state->second))
			state->second_kind = CALL_SEND;
		break;
	}
	if (form >= FORM_MAKES && form != FORM_MOVES) {
		/* Not about a descriptor that is there already. */
		state->socket.id = 0;
		if (form == FORM_WAITS_MANY)
			state->fd = -1;
	} else {
		/*
		 * Looked up before the call: afterwards another thread may have closed the descriptor and got the same number for
		 * something else, and after close there is nothing to look up. For accept this is the listener.
		 */
		wanted = find_socket(task, state->fd, &state->socket);
		if (!wanted && state->second_kind == CALL_NONE)
			return;
		if (!wanted)
			kind = CALL_NONE;
	}
	state->kind = kind;
	state->enter_ns = now;
}

/* Calls that servers make all the time, and that are about one descriptor or none: they are told without a detour. */
static __always_inline bool is_usual(u8 form, u8 kind)
{
	return form <= FORM_ADDRESSED ? kind == CALL_RECEIVE || kind == CALL_SEND : form == FORM_WAITS || form == FORM_WAITS_MANY;
}

/* As begin does for them. */
static __always_inline void begin_usual(struct task_struct *task, struct recorded_task *state, struct pt_regs *regs, u8 form, u8 kind)
{
	s32 fd = form == FORM_WAITS_MANY ? -1 : (s32)saved_argument(regs, 0);

	state->kind = CALL_NONE;
	state->fresh = 0;
	state->second_kind = CALL_NONE;
	state->form = form;
	state->fd = fd;
	if (form == FORM_ADDRESSED) {
		if (leaves_bytes(kind, saved_argument(regs, 3)))
			return;
		state->pointer = saved_argument(regs, 4);
	}
	if (form > FORM_ADDRESSED)
		state->socket.id = 0;
	else if (!find_socket_here(task, fd, &state->socket))
		return;
	state->kind = kind;
	state->enter_ns = bpf_ktime_get_ns();
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_enter, struct pt_regs *regs, long id)
{
	struct task_struct *task;
	struct recorded_task *state;
	u16 entry;

	if ((unsigned long)id >= CALLS)
		return 0;
	entry = config.calls[id];
	if (!entry)
		return 0;
	task = bpf_get_current_task_btf();
	state = recorded(task);
	if (!state)
		return 0;
	if (is_foreign(task)) {
		state->kind = CALL_NONE;
		state->second_kind = CALL_NONE;
		state->fresh = 0;
		count_foreign();
		return 0;
	}
	if (is_usual(entry >> 8, entry))
		begin_usual(task, state, regs, entry >> 8, entry);
	else
		begin(task, state, regs, entry, bpf_ktime_get_ns());
	return 0;
}

static __noinline void submit_made(struct task_struct *task, struct recorded_task *state, s32 fd, u64 now)
{
	struct outcome outcome = { .now_ns = now, .fd = fd, .result = fd, .kind = CALL_CREATE };

	if (!find_socket(task, fd, &state->socket))
		return;
	/* A socket says something only when it is bound or connected: it is described then. */
	if (state->socket.sk && state->form == FORM_MAKES)
		know(state, state->socket.id);
	submit_call(task, state, &state->socket, &outcome, ROLE_UNKNOWN);
	forget(state, state->socket.id);
}

static __always_inline void submit_pair(struct task_struct *task, struct recorded_task *state, u64 now)
{
	s32 pair[2];

	if (bpf_probe_read_user(pair, sizeof(pair), (void *)state->pointer))
		return;
	submit_made(task, state, pair[0], now);
	submit_made(task, state, pair[1], now);
}

/* What a call says of its socket that was not known before. */
static __always_inline u8 news(struct task_struct *task, struct recorded_task *state, u8 kind, s32 result)
{
	switch (kind) {
	case CALL_CONNECT:
		/* The cookie and both addresses are there only now. */
		find_socket(task, state->fd, &state->socket);
		return result == 0 || result == -115 ? ROLE_CLIENT : ROLE_UNKNOWN; /* EINPROGRESS */
	case CALL_LISTEN:
		find_socket(task, state->fd, &state->socket);
		return result == 0 ? ROLE_LISTENER : ROLE_UNKNOWN;
	case CALL_BIND:
		/* A TCP socket gets its name for good when it listens or connects. */
		return result == 0 && state->socket.protocol != IPPROTO_TCP ? ROLE_FORCE : ROLE_UNKNOWN;
	default:
		return ROLE_UNKNOWN;
	}
}

static __noinline void end(struct task_struct *task, struct recorded_task *state, long result, u64 now)
{
	struct outcome outcome = { .now_ns = now, .fd = state->fd, .kind = state->kind, .result = shown_result(result) };
	u8 form = state->form;
	u8 role = ROLE_UNKNOWN;

	if (form == FORM_MAKES || form == FORM_PIPE || form == FORM_SOCKET_PAIR) {
		if (form == FORM_MAKES && result >= 0)
			submit_made(task, state, result, now);
		else if (result == 0)
			submit_pair(task, state, now);
		return;
	}
	if (outcome.kind == CALL_ACCEPT && result >= 0) {
		outcome.fd = result;
		if (!find_socket(task, result, &state->socket))
			return;
		role = ROLE_SERVER;
	} else if (outcome.kind >= CALL_CONNECT) {
		role = news(task, state, outcome.kind, outcome.result);
	}
	if (form == FORM_MESSAGES && result > 0) {
		if (state->socket.protocol == IPPROTO_UDP) {
			struct many many = { .now_ns = now };

			bpf_loop(result, submit_one_of_many, &many, 0);
			return;
		}
		outcome.result = sum_messages(state->pointer, result);
	} else if (state->socket.protocol == IPPROTO_UDP && result >= 0) {
		if (form == FORM_ADDRESSED)
			read_peer(state->pointer, &outcome.peer);
		else if (form == FORM_MESSAGE)
			read_message_peer(state->pointer, &outcome.peer);
	}
	submit_call(task, state, &state->socket, &outcome, role);
	if (form == FORM_MESSAGE && outcome.kind == CALL_RECEIVE && result >= 0 && !state->socket.protocol && state->socket.sk)
		submit_passed(state->pointer, now);
}

/* The other socket of a call that is about two: what dup2 closed, where splice has put the bytes. */
static __noinline void end_second(struct task_struct *task, struct recorded_task *state, long result, u64 now)
{
	struct outcome outcome = { .now_ns = now, .fd = state->second_fd, .kind = state->second_kind, .result = shown_result(result) };

	state->second_kind = CALL_NONE;
	if (outcome.kind == CALL_CLOSE)
		outcome.result = 0;
	if (result >= 0)
		submit_call(task, state, &state->second, &outcome, ROLE_UNKNOWN);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_exit, struct pt_regs *regs, long result)
{
	struct task_struct *task;
	struct recorded_task *state;
	u64 id = call_number(regs);
	u64 now, socket;

	if (id >= CALLS || !config.calls[id])
		return 0;
	task = bpf_get_current_task_btf();
	state = recorded(task);
	if (!state)
		return 0;
	/* A call that was under way when recording began: its enter was not seen, but the arguments are still there. */
	if (state->fresh && !is_foreign(task))
		begin(task, state, regs, config.calls[id], state->marked_ns);
	if (state->kind == CALL_NONE && state->second_kind == CALL_NONE)
		return 0;
	now = bpf_ktime_get_ns();
	socket = state->socket.id;
	/* Of a datagram the address is still to be read. */
	if (is_usual(state->form, state->kind) && (!socket || (knows(state, socket) && (state->form == FORM_PLAIN || state->socket.protocol != IPPROTO_UDP)))) {
		submit_event(task, socket, state->enter_ns, now, state->fd, shown_result(result), state->kind);
		state->kind = CALL_NONE;
		return 0;
	}
	if (state->second_kind != CALL_NONE)
		end_second(task, state, result, now);
	if (state->kind == CALL_NONE)
		return 0;
	end(task, state, result, now);
	state->kind = CALL_NONE;
	return 0;
}

#endif
