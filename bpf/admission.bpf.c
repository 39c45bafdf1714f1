// SPDX-License-Identifier: GPL-2.0
/*
 * Admission: turns (request, answer) of the connections of chosen services as the kernel sees them, and who used the CPU inside one thread. It holds nothing itself:
 * only sockops, cgroup hooks and iter/tcp may call bpf_setsockopt, so user space holds connections by SO_RCVLOWAT, and release_all takes every hold back.
 * The gates, attached before, have told already who asks when a program here runs on the same tracepoint.
 */
#include "gates_kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "gates.h"
#include "gates_maps.h"
#include "gates_addresses.h"
#include "gates_clock.h"
#include "gates_rules.h"
#include "admission.h"
#include "admission_maps.h"
#include "admission_connections.h"

char LICENSE[] SEC("license") = "GPL";

/* ---- connections come and go ---- */

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_admission_state, struct sock *sk, int old, int state)
{
	struct admission_connection *c;

	if (!is_tcp(sk))
		return 0;
	if (state == TCP_ESTABLISHED && old == TCP_SYN_RECV) {
		c = adopt(sk);
		if (c)
			tell_admission(ADMISSION_OPENED, c, 0);
		return 0;
	}
	/* CLOSE_WAIT is the client's half: the service may still answer. */
	if (state != TCP_FIN_WAIT1 && state != TCP_LAST_ACK && state != TCP_CLOSE)
		return 0;
	end_call(sk);
	c = bpf_sk_storage_get(&admission_connections, sk, 0, 0);
	if (!c || c->closed)
		return 0;
	c->closed = 1;
	end_wait(c);
	if (c->received_ns)
		end_turn(c, bpf_ktime_get_ns(), false);
	tell_admission(ADMISSION_CLOSED, c, BPF_RB_NO_WAKEUP);
	return 0;
}

/* ---- a turn: first byte, read, answer ---- */

/* Called with the socket locked, before the segment is queued: who sets SO_RCVLOWAT under the same lock misses no byte. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(on_segment, struct sock *sk, struct sk_buff *skb)
{
	struct admission_connection *c = bpf_sk_storage_get(&admission_connections, sk, 0, 0);
	struct sock_tag *mark;
	struct station *at;
	struct cell *cell;
	struct tcp_sock *tcp;
	struct tcp_skb_cb info;

	if (!c || c->arrived_ns || c->closed)
		return 0;
	bpf_probe_read_kernel(&info, sizeof(info), (void *)skb + bpf_core_field_offset(struct sk_buff, cb));
	tcp = bpf_skc_to_tcp_sock(sk);
	/* The end of a connection takes a number, too, but is no request. */
	if (!tcp || (__s32)(info.end_seq - (info.tcp_flags & TCPHDR_FIN) - tcp->rcv_nxt) <= 0)
		return 0; /* no data, or data that was here before */
	mark = c->door ? NULL : bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	if (mark)
		resolve(mark, c, asks_last(sk, mark));
	c->arrived_ns = bpf_ktime_get_ns();
	cell = cell_at(c->cell);
	if (cell) {
		__sync_fetch_and_add(&cell->arrived, 1);
		__sync_fetch_and_add(&cell->waiting, 1);
	}
	if (sk->sk_rcvlowat > 1) {
		at = station_of(c);
		tell_admission(ADMISSION_ARRIVED, c, at && at->hungry ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	}
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_admission_receive, struct sock *sk, int ret, int flags)
{
	struct admission_connection *c, *known;
	struct task_struct *task = bpf_get_current_task_btf();
	struct admission_thread *thread = NULL;
	struct station *at = NULL;
	struct sock_tag *mark;
	struct cell *cell;
	__u64 now, arrived;
	__u32 index;

	if (ret == -EAGAIN && !(flags & MSG_PEEK))
		account_again(sk, task);
	if (ret < 0 || (flags & MSG_PEEK))
		return 0;
	c = bpf_sk_storage_get(&admission_connections, sk, 0, 0);
	if (!c || c->door) {
		known = c;
		c = adopt_at_door(sk, task);
		if (c && !known)
			tell_admission(ADMISSION_OPENED, c, 0);
		if (known && !c) {
			/* The process is no front door any more, or another one has the connection. */
			end_wait(known);
			known->cell = NO_CELL;
		}
	}
	if (!c)
		end_call(sk);
	if (!c || c->closed)
		return 0;
	if (!ret) {
		end_wait(c);
		return 0;
	}
	now = bpf_ktime_get_ns();
	/* What a front door does itself is no turn of the service. */
	if (!c->door) {
		mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
		if (mark)
			resolve(mark, c, mark->vs);
		thread = thread_here(task);
		if (!thread)
			return 0;
		account_turn(task, thread, c->cell, now);
		index = thread->station;
		at = index ? bpf_map_lookup_elem(&admission_stations, &index) : NULL;
		if (at && at->thread != (__u32)task->pid) {
			if (at->thread)
				at->threads = 1;
			else
				at->thread = task->pid;
		}
	}
	/* Set from O_NONBLOCK, too. A receive that may wait would wait for as many bytes as the hold says, also after it is taken back. */
	if (!(flags & MSG_DONTWAIT) && !c->blocks) {
		c->blocks = 1;
		if (!at || !at->blocks)
			tell_admission(ADMISSION_BLOCKS, c, BPF_RB_FORCE_WAKEUP);
	}
	cell = cell_at(c->cell);
	arrived = c->arrived_ns;
	if (cell && arrived)
		__sync_fetch_and_add(&cell->delay_ns, now - arrived);
	end_wait(c);
	if (c->received_ns)
		return 0; /* more of the same request */
	begin_turn(c, thread ? thread->station : NO_STATION, arrived, now);
	/* User space looks once a millisecond: to be woken for each turn would cost more than is to be gained. */
	if (cell && cell->wants)
		tell_admission(ADMISSION_RECEIVED, c, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(on_admission_send, struct sock *sk, int ret, int flags)
{
	struct admission_connection *c = bpf_sk_storage_get(&admission_connections, sk, 0, 0);
	struct task_struct *task = bpf_get_current_task_btf();
	struct admission_thread *thread;
	struct cell *cell;
	__u64 now;
	bool idle;

	if (!c && ret > 0 && is_tcp(sk))
		begin_call(sk);
	if (!c || !c->received_ns || ret <= 0)
		return 0;
	now = bpf_ktime_get_ns();
	idle = end_turn(c, now, true);
	cell = cell_at(c->turn_cell);
	if (cell && cell->wants)
		tell_admission(ADMISSION_REPLIED, c, c->door ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP); /* what is behind a door takes longer than a wake-up */
	if (idle) {
		thread = thread_here(task);
		if (thread)
			account_turn(task, thread, NO_CELL, now);
	}
	return 0;
}

#include "admission_iterators.h"
