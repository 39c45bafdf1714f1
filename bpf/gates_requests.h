/* SPDX-License-Identifier: GPL-2.0 */
/* Requests: a turn on a server-side connection begins with the first receive and ends with the first piece of the answer. */
#pragma once

static __always_inline void count_request(struct sock_tag *mark, __u32 service, __u32 requester)
{
	struct account_key key = { .vs = requester ? requester : VS_BEST_EFFORT, .service = service };
	struct account *account;

	if (mark->turn == TURN_ASKED)
		return; /* more of the same request */
	mark->turn = TURN_ASKED;
	account = account_of(&key);
	if (!account)
		return;
	__sync_fetch_and_add(&account->requests, 1);
	if (!requester)
		__sync_fetch_and_add(&account->unknown, 1);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(on_reply, struct sock *sk, int ret, int flags)
{
	struct sock_tag *mark = ret > 0 ? bpf_sk_storage_get(&sock_tags, sk, 0, 0) : NULL;

	if (mark && mark->role == ROLE_SERVER && mark->turn)
		mark->turn = TURN_ANSWERED;
	return 0;
}
