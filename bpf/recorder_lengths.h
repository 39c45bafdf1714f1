/*
 * Level sockets: what sockets themselves say of receives and sends, whoever asks: system calls, io_uring, sendfile. No system call of
 * anybody is slowed down. In return there is no descriptor and no time of entering: an event's time is when the transfer was done.
 */
#ifndef RECORDER_LENGTHS_H
#define RECORDER_LENGTHS_H

#include "recorder_clients.h"
#include "recorder_events.h"

#define PF_IO_WORKER 0x10
#define EAGAIN 11
#define ECONNABORTED 103

/* io_uring's own threads are made without a word; they work for the process that they belong to. */
static __always_inline struct recorded_task *state_of(struct task_struct *task)
{
	struct recorded_task *state = recorded(task), *leader;
	u32 service;

	if (state || !(task->flags & PF_IO_WORKER))
		return state;
	leader = recorded(task->group_leader);
	if (!leader)
		return 0;
	service = leader->service;
	state = bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (state)
		state->service = service;
	else
		count_unmarked();
	return state;
}

static __always_inline void find_by_sock(struct sock *sk, struct found_socket *found)
{
	struct socket *socket = sk->sk_socket;

	found->sk = sk;
	found->protocol = sk->sk_protocol;
	found->inode = socket ? inode_of(socket) : 0;
	found->id = id_of(sk, found->inode, found->protocol);
	found->is_eventfd = 0;
}

static __always_inline bool is_recorded_family(struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;

	return family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

/* A unix socket that was made since recording began: its server's end bears the name that was asked for, the client's end none. */
static __always_inline u8 side_of_unix(struct sock *sk)
{
	struct unix_sock *own = (void *)sk, *peer = (void *)BPF_CORE_READ(own, peer);

	if (!peer)
		return ROLE_UNKNOWN;
	if (BPF_CORE_READ(own, addr))
		return ROLE_SERVER;
	return BPF_CORE_READ(peer, addr) ? ROLE_CLIENT : ROLE_UNKNOWN;
}

/*
 * Which call is to be told before the first transfer. The states of TCP change in whatever task an answer interrupts, and the kernel has
 * no hook where a connection is handed to whoever accepts it: so accept shows itself when the connection is first used.
 */
static __always_inline u8 side_at_first_use(struct sock *sk, struct socket_note *note, u64 inode)
{
	if (sk->sk_protocol == IPPROTO_TCP) {
		note->told = 1;
		return note->passive ? ROLE_SERVER : ROLE_UNKNOWN;
	}
	if (sk->sk_protocol == IPPROTO_UDP) {
		/* It may connect later. */
		note->told = sk->__sk_common.skc_dport != 0;
		return note->told ? ROLE_CLIENT : ROLE_UNKNOWN;
	}
	note->told = 1;
	if (sk->__sk_common.skc_family != AF_UNIX || bpf_map_lookup_elem(&existing, &inode))
		return ROLE_UNKNOWN;
	return side_of_unix(sk);
}

static __noinline void first_use(struct task_struct *task, struct recorded_task *state, struct found_socket *found, u8 side, u64 made_ns)
{
	struct outcome outcome = { .now_ns = state->enter_ns, .fd = -1, .kind = side == ROLE_SERVER ? CALL_ACCEPT : CALL_CONNECT };

	describe(task, state, found, -1, side);
	if (made_ns)
		state->enter_ns = made_ns;
	submit_call(task, state, found, &outcome, ROLE_UNKNOWN);
	state->enter_ns = outcome.now_ns;
}

/* A TCP or unix socket that this thread has told of before: nothing is left to find out. Spares the look-up of its note. */
static __always_inline u64 known_id(struct sock *sk, struct recorded_task *state)
{
	u64 id = 0;

	if (sk->sk_protocol == IPPROTO_TCP) {
		id = sk->__sk_common.skc_cookie.counter;
	} else if (sk->__sk_common.skc_family == AF_UNIX) {
		struct socket *socket = sk->sk_socket;

		if (socket)
			id = inode_of(socket) | SOCKET_INODE_FLAG;
	}
	return id && knows(state, id) ? id : 0;
}

/* Finds out whose transfer it is, and tells what is to be told before the first one. */
static __always_inline void meet(struct sock *sk, struct task_struct *task, struct recorded_task *state, struct found_socket *found)
{
	struct socket_note *note = bpf_sk_storage_get(&notes, sk, 0, 0);
	u8 side;

	if (!note) {
		note = bpf_sk_storage_get(&notes, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (note)
			note->told = sk->sk_protocol == IPPROTO_TCP; /* it was there before */
	}
	find_by_sock(sk, found);
	if (!note)
		return;
	note->id = found->id;
	if (note->told)
		return;
	side = side_at_first_use(sk, note, found->id & ~SOCKET_INODE_FLAG);
	if (side != ROLE_UNKNOWN)
		first_use(task, state, found, side, note->passive ? note->made_ns : 0);
}

/* A transfer on a socket that has to be looked at: it is UDP, or not known to this thread. */
static __noinline void tell_transfer(struct sock *sk, struct task_struct *task, struct recorded_task *state, int result, u8 kind)
{
	struct outcome outcome = { .now_ns = bpf_ktime_get_ns(), .peer = state->peer, .fd = -1, .result = shown_result(result), .kind = kind };
	struct found_socket found = {};

	state->peer.port = 0;
	state->enter_ns = outcome.now_ns;
	meet(sk, task, state, &found);
	submit_call(task, state, &found, &outcome, ROLE_UNKNOWN);
}

/*
 * When a transfer was done that ends now. What TCP has sent during this very call, it has stamped: then all that was ever written is sent,
 * and a look at the clock, a third of what an event costs, is spared. Who stands between the call and TCP (kTLS, a sockmap) may keep what
 * was written, so that the stamp is of something before; so is one that is older than what the thread did last.
 */
static __always_inline u64 time_of(struct sock *sk, struct recorded_task *state, int result, u8 kind)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	struct inet_connection_sock *connection = (struct inet_connection_sock *)sk;
	u64 time = 0;

	if (config.casts && kind == CALL_SEND && result > 0 && sk->sk_protocol == IPPROTO_TCP && !sk->sk_user_data &&
	    !LOOK(inet_connection_sock, connection, icsk_ulp_ops) && LOOK(tcp_sock, tcp, write_seq) == LOOK(tcp_sock, tcp, snd_nxt))
		time = LOOK(tcp_sock, tcp, tcp_clock_cache);
	if (time <= state->last_ns)
		time = bpf_ktime_get_ns();
	state->last_ns = time;
	return time;
}

static __always_inline int transferred(struct sock *sk, int result, int flags, u8 kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct recorded_task *state = state_of(task);
	u64 now, id;

	if (!state)
		return 0;
	if (result == -EAGAIN || (kind == CALL_RECEIVE && flags & (MSG_PEEK | MSG_ERRQUEUE)) || !is_recorded_family(sk)) {
		/* Noted while the datagram was received or sent, also where it is only looked at. */
		state->peer.port = 0;
		return 0;
	}
	id = known_id(sk, state);
	if (!id) {
		tell_transfer(sk, task, state, result, kind);
		return 0;
	}
	state->peer.port = 0;
	now = time_of(sk, state, result, kind);
	submit_event(task, id, now, now, -1, shown_result(result), kind);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int result, int flags)
{
	return transferred(sk, result, flags, CALL_RECEIVE);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(on_send, struct sock *sk, int result, int flags)
{
	return transferred(sk, result, flags, CALL_SEND);
}

#endif
