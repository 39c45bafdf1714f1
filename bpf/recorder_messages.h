/* What calls with messages leave in the program's memory: addresses, lengths, descriptors. What cannot be read is left out. */
#ifndef RECORDER_MESSAGES_H
#define RECORDER_MESSAGES_H

#include "recorder_events.h"

/* The layouts of 64-bit programs; they are the kernel's user interface. */
struct user_message {
	u64 name;
	u32 name_length;
	u32 unused;
	u64 vectors;
	u64 vector_count;
	u64 control;
	u64 control_length;
	u32 flags;
	u32 unused2;
};

struct user_message_of_many {
	struct user_message message;
	u32 length;
	u32 unused;
};

struct user_control {
	u64 length;
	s32 level;
	s32 type;
};

static __noinline void read_peer(u64 address, struct peer_address *peer)
{
	struct {
		u16 family;
		__be16 port;
		__be32 v4_or_flow;
		__be32 v6[4];
	} name = {};

	if (!address || bpf_probe_read_user(&name, 8, (void *)address))
		return;
	if (name.family == AF_INET) {
		peer->high = 0;
		peer->low = 0xffffULL << 32 | __builtin_bswap32(name.v4_or_flow);
	} else if (name.family == AF_INET6) {
		if (bpf_probe_read_user(name.v6, sizeof(name.v6), (void *)(address + 8)))
			return;
		peer->high = (u64)__builtin_bswap32(name.v6[0]) << 32 | __builtin_bswap32(name.v6[1]);
		peer->low = (u64)__builtin_bswap32(name.v6[2]) << 32 | __builtin_bswap32(name.v6[3]);
	} else {
		return;
	}
	peer->port = __builtin_bswap16(name.port);
}

/* The address in a message, of recvmsg and sendmsg. */
static __always_inline void read_message_peer(u64 pointer, struct peer_address *peer)
{
	u64 name = 0;

	if (!bpf_probe_read_user(&name, sizeof(name), (void *)pointer))
		read_peer(name, peer);
}

struct many {
	struct recorded_task *state;
	u64 now_ns;
	s32 bytes;
};

/* Each datagram is an event of its own: each may come from another client. */
static long submit_one_of_many(u32 index, void *context)
{
	struct many *many = context;
	struct task_struct *task = bpf_get_current_task_btf();
	struct recorded_task *state = recorded(task);
	struct outcome outcome = {};
	u64 at;
	u32 length = 0;

	if (!state)
		return 1;
	at = state->pointer + index * (u64)sizeof(struct user_message_of_many);
	if (bpf_probe_read_user(&length, sizeof(length), (void *)(at + sizeof(struct user_message))))
		return 1;
	outcome.now_ns = many->now_ns;
	outcome.fd = state->fd;
	outcome.result = length;
	outcome.kind = state->kind;
	read_message_peer(at, &outcome.peer);
	submit_call(task, state, &state->socket, &outcome, ROLE_UNKNOWN);
	return 0;
}

static long add_message(u32 index, void *context)
{
	struct many *many = context;
	u32 length = 0;

	if (bpf_probe_read_user(&length, sizeof(length), (void *)(many->now_ns + index * (u64)sizeof(struct user_message_of_many) + sizeof(struct user_message))))
		return 1;
	many->bytes += length;
	return 0;
}

/* Bytes of all messages together. */
static __always_inline s32 sum_messages(u64 pointer, long count)
{
	struct many many = { .now_ns = pointer };

	bpf_loop(count, add_message, &many, 0);
	return many.bytes;
}

#define MOST_PASSED 16 /* descriptors of one message that are looked at; servers pass one to three */

struct passed {
	u64 descriptors; /* in the program's memory */
	u64 now_ns;
};

/* A callback: the verifier looks at what is done for one descriptor once, not as often as there may be descriptors. */
static long submit_one_passed(u32 index, void *context)
{
	struct passed *passed = context;
	struct task_struct *task = bpf_get_current_task_btf();
	struct recorded_task *state = recorded(task);
	struct outcome outcome = { .kind = CALL_PASS };
	struct found_socket found = {};
	s32 fd = -1;

	if (!state || bpf_probe_read_user(&fd, sizeof(fd), (void *)(passed->descriptors + index * sizeof(fd))))
		return 1;
	if (!find_socket(task, fd, &found))
		return 0;
	outcome.now_ns = passed->now_ns;
	outcome.fd = fd;
	submit_call(task, state, &found, &outcome, ROLE_UNKNOWN);
	return 0;
}

/* Descriptors that a message brought along: the first control message of kind SCM_RIGHTS at its usual place, the front. */
static __noinline void submit_passed(u64 pointer, u64 now)
{
	struct user_message message = {};
	struct user_control control = {};
	struct passed passed = { .now_ns = now };
	u64 count; /* 64 bits: the verifier's own form of bpf_loop compares all of the register, and a compiler leaves what it likes in the upper half of a u32 */

	if (bpf_probe_read_user(&message, sizeof(message), (void *)pointer) || message.control_length < sizeof(control))
		return;
	if (bpf_probe_read_user(&control, sizeof(control), (void *)message.control) || control.level != SOL_SOCKET || control.type != SCM_RIGHTS)
		return;
	if (control.length < sizeof(control))
		return;
	passed.descriptors = message.control + sizeof(control);
	count = (control.length - sizeof(control)) / sizeof(s32);
	bpf_loop(count < MOST_PASSED ? count : MOST_PASSED, submit_one_passed, &passed, 0);
}

#endif
