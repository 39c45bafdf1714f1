/* Level sockets: the other end of a datagram, which only these hooks see. They run inside the receive or send, before its tracepoint. */
#ifndef RECORDER_DATAGRAMS_H
#define RECORDER_DATAGRAMS_H

#include "recorder_lengths.h"

static __always_inline void note_v4(struct bpf_sock_addr *context)
{
	struct recorded_task *state = state_of(bpf_get_current_task_btf());

	if (!state)
		return;
	state->peer.high = 0;
	state->peer.low = 0xffffULL << 32 | __builtin_bswap32(context->user_ip4);
	state->peer.port = __builtin_bswap16(context->user_port);
}

static __always_inline void note_v6(struct bpf_sock_addr *context)
{
	struct recorded_task *state = state_of(bpf_get_current_task_btf());

	if (!state)
		return;
	state->peer.high = (u64)__builtin_bswap32(context->user_ip6[0]) << 32 | __builtin_bswap32(context->user_ip6[1]);
	state->peer.low = (u64)__builtin_bswap32(context->user_ip6[2]) << 32 | __builtin_bswap32(context->user_ip6[3]);
	state->peer.port = __builtin_bswap16(context->user_port);
}

SEC("cgroup/recvmsg4")
int on_datagram_from4(struct bpf_sock_addr *context)
{
	note_v4(context);
	return 1;
}

SEC("cgroup/recvmsg6")
int on_datagram_from6(struct bpf_sock_addr *context)
{
	note_v6(context);
	return 1;
}

SEC("cgroup/sendmsg4")
int on_datagram_to4(struct bpf_sock_addr *context)
{
	note_v4(context);
	return 1;
}

SEC("cgroup/sendmsg6")
int on_datagram_to6(struct bpf_sock_addr *context)
{
	note_v6(context);
	return 1;
}

#endif
