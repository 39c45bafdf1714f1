/* Level sockets: connect, listen and close, as sockets change. */
#ifndef RECORDER_STATES_H
#define RECORDER_STATES_H

#include "recorder_lengths.h"

/* The answer to connect comes in whatever task it interrupts: the event is laid to the thread that asked. */
static __always_inline void connected(struct sock *sk, struct socket_note *note, s32 result)
{
	struct found_socket found = {};
	struct teller teller = { .time_ns = note->made_ns, .pid = note->process, .tid = note->thread };
	struct ring_event *event;
	u64 now = bpf_ktime_get_ns(), took = now - note->made_ns;

	note->told = 1;
	if (!note->thread)
		return;
	find_by_sock(sk, &found);
	note->id = found.id;
	describe_as(&found, &teller, -1, result ? ROLE_UNKNOWN : ROLE_CLIENT);
	event = ring_reserve(sizeof(*event));
	if (!event)
		return;
	__builtin_memset(event, 0, sizeof(*event));
	if (took > 0xffffffff)
		took = 0xffffffff;
	event->time_ns = now - took;
	event->duration_ns = took;
	event->socket = found.id;
	event->result = result;
	event->pid = note->process;
	event->tid = note->thread;
	event->fd = -1;
	event->kind = CALL_CONNECT;
	ring_submit(event);
}

static __always_inline void listens(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct recorded_task *state = state_of(task);
	struct outcome outcome = { .fd = -1, .kind = CALL_LISTEN };
	struct found_socket found = {};

	if (!state)
		return;
	find_by_sock(sk, &found);
	outcome.now_ns = bpf_ktime_get_ns();
	state->enter_ns = outcome.now_ns;
	submit_call(task, state, &found, &outcome, ROLE_LISTENER);
}

/* Runs after on_tcp_state, which keeps the notes. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_change, struct sock *sk, int old, int new)
{
	struct task_struct *task;
	struct socket_note *note, none = { .passive = 1 };

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (new == TCP_LISTEN) {
		listens(sk);
		return 0;
	}
	if (new == TCP_ESTABLISHED && old == TCP_SYN_RECV) {
		none.made_ns = bpf_ktime_get_ns();
		bpf_sk_storage_get(&notes, sk, &none, BPF_LOCAL_STORAGE_GET_F_CREATE);
		return 0;
	}
	if (new != TCP_SYN_SENT && old != TCP_SYN_SENT)
		return 0;
	note = bpf_sk_storage_get(&notes, sk, 0, 0);
	if (!note)
		return 0;
	if (new == TCP_SYN_SENT) {
		task = bpf_get_current_task_btf();
		if (state_of(task)) {
			note->thread = task->pid;
			note->made_ns = bpf_ktime_get_ns();
		}
	} else if (new == TCP_ESTABLISHED) {
		connected(sk, note, 0);
	} else if (new == TCP_CLOSE && !note->told) {
		s32 error = sk->sk_err;

		connected(sk, note, error ? -error : -ECONNABORTED);
	}
	return 0;
}

extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;

/* The last descriptor of a TCP or UDP socket is closed. What a process leaves open when it ends is not told, as at level syscalls. */
SEC("cgroup/sock_release")
int on_release(struct bpf_sock *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct recorded_task *state = recorded(task);
	struct outcome outcome = { .fd = -1, .kind = CALL_CLOSE };
	struct found_socket found = {};
	struct socket_note *note;

	if (!state || task->flags & PF_EXITING)
		return 1;
	note = bpf_sk_storage_get(&notes, context, 0, 0);
	if (!note || !note->id)
		return 1;
	found.id = note->id;
	know(state, found.id); /* a socket without a transfer has nothing to be described by */
	outcome.now_ns = bpf_ktime_get_ns();
	state->enter_ns = outcome.now_ns;
	/* Programs of cgroups can be preempted since Linux 6.16: a closer of low priority must not leave a record half written. */
	if (bpf_preempt_disable && bpf_preempt_enable) {
		bpf_preempt_disable();
		submit_call(task, state, &found, &outcome, ROLE_UNKNOWN);
		bpf_preempt_enable();
	} else {
		submit_call(task, state, &found, &outcome, ROLE_UNKNOWN);
	}
	return 1;
}

#endif
