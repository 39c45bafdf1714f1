/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

/* Connections of one process (user space chooses it when it makes the link), with the descriptors by which user space holds them. */
SEC("iter/task_file")
int list_admission(struct bpf_iter__task_file *ctx)
{
	struct admission_record record = {};
	struct admission_connection *c;
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct tcp_sock *tcp;
	struct sock *sk;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	sk = socket ? socket->sk : NULL;
	if (!sk || !is_tcp(sk) || (sk->__sk_common.skc_state != TCP_ESTABLISHED && sk->__sk_common.skc_state != TCP_CLOSE_WAIT))
		return 0;
	c = bpf_sk_storage_get(&admission_connections, sk, 0, 0);
	if (!c)
		c = adopt(sk);
	if (!c)
		c = adopt_at_door(sk, task);
	if (!c)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	record.connection = c->id;
	record.tgid = task->tgid;
	record.fd = ctx->fd;
	record.cell = c->cell;
	record.blocks = c->blocks || !(BPF_CORE_READ(file, f_flags) & O_NONBLOCK);
	record.queued = tcp ? tcp->rcv_nxt - tcp->copied_seq : 0;
	record.held = sk->sk_rcvlowat;
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

/* Takes every hold back. It is pinned: reading the file runs it, which is all that the watchdog does. */
SEC("iter/tcp")
int release_all(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	int one = 1;

	if (!common || common->skc_state == TCP_LISTEN)
		return 0;
	if (!bpf_sk_storage_get(&admission_connections, (struct sock *)common, 0, 0))
		return 0;
	bpf_setsockopt(common, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one));
	return 0;
}
