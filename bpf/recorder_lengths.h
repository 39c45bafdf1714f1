/*
 * Level sockets: what sockets themselves say of receives and sends, whoever asks: system calls, io_uring, sendfile. No system call of
 * anybody is slowed down. In return there is no descriptor and no time of entering: an event's time is when the transfer was done.
 */
#ifndef RECORDER_LENGTHS_H
#define RECORDER_LENGTHS_H

#include "recorder_clients.h"
#include "recorder_events.h"

#define PF_IO_WORKER 0x10

/* io_uring's own threads are forked without a word; they work for the process that they belong to. */
static __always_inline struct recorded_task *state_of(struct task_struct *task)
{
	struct recorded_task *state = bpf_task_storage_get(&tasks, task, 0, 0);

	if (!state && task->flags & PF_IO_WORKER)
		state = bpf_task_storage_get(&tasks, task->group_leader, 0, 0);
	return state;
}

static __always_inline void find_by_sock(struct sock *sk, struct found_socket *found)
{
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);

	found->sk = sk;
	found->protocol = BPF_CORE_READ(sk, sk_protocol);
	found->inode = socket ? inode_of(socket) : 0;
	found->id = id_of(sk, found->inode, found->protocol);
}

/* accept and connect show themselves when the connection is first used: the states of TCP change in whatever task an answer interrupts. */
static __always_inline void first_use(struct task_struct *task, struct recorded_task *state, struct found_socket *found, struct connector *connector, u64 now)
{
	struct outcome outcome = { .now_ns = now, .fd = -1, .kind = connector->passive ? CALL_ACCEPT : CALL_CONNECT };

	connector->told = 1;
	submit_call(task, state, found, &outcome, connector->passive ? ROLE_SERVER : ROLE_CLIENT);
}

static __always_inline int transferred(struct sock *sk, int result, int flags, u8 kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct recorded_task *state = state_of(task);
	struct outcome outcome = { .fd = -1, .result = result, .kind = kind };
	struct found_socket found = {};
	struct connector *connector;

	if (!state || flags & (kind == CALL_RECEIVE ? MSG_PEEK | MSG_ERRQUEUE : 0))
		return 0;
	find_by_sock(sk, &found);
	outcome.now_ns = bpf_ktime_get_ns();
	state->enter_ns = outcome.now_ns;
	connector = bpf_sk_storage_get(&connectors, sk, 0, 0);
	if (connector && !connector->told)
		first_use(task, state, &found, connector, outcome.now_ns);
	submit_call(task, state, &found, &outcome, ROLE_UNKNOWN);
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

/* A TCP socket leaves the states in which it can be used: in close(2) both directions are shut down first, in shutdown(2) only one. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_close, struct sock *sk, int old, int new)
{
	struct task_struct *task;
	struct recorded_task *state;
	struct outcome outcome = { .fd = -1, .kind = CALL_CLOSE };
	struct found_socket found = {};

	if (sk->sk_protocol != IPPROTO_TCP || (new != TCP_FIN_WAIT1 && new != TCP_LAST_ACK && new != TCP_CLOSE))
		return 0;
	task = bpf_get_current_task_btf();
	state = bpf_task_storage_get(&tasks, task, 0, 0);
	/* An answer that comes in later changes the state again, in whatever task it interrupts. */
	if (!state || sk->sk_shutdown != SHUTDOWN_BOTH || old == TCP_FIN_WAIT1 || old == TCP_LAST_ACK || old == TCP_SYN_SENT)
		return 0;
	find_by_sock(sk, &found);
	outcome.now_ns = bpf_ktime_get_ns();
	state->enter_ns = outcome.now_ns;
	submit_call(task, state, &found, &outcome, ROLE_UNKNOWN);
	return 0;
}

#endif
