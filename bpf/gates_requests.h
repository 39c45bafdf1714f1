/* SPDX-License-Identifier: GPL-2.0 */
/* Requests: a turn on a server-side connection begins with the first receive and ends with the first piece of the answer; each datagram is a turn. */
#pragma once

static __noinline void count_for_another(__u32 service, __u32 requester)
{
	struct account_key key = { .vs = requester ? requester : VS_BEST_EFFORT, .service = service };
	struct account *account;

	account = account_of(&key);
	if (!account)
		return;
	__sync_fetch_and_add(&account->requests, 1);
	if (!requester)
		__sync_fetch_and_add(&account->unknown, 1);
}

static __always_inline void count_request(struct task_tag *tag, struct sock_tag *mark, bool stream, __u32 requester)
{
	if (stream && (mark->flags & MARK_ASKED))
		return; /* more of the same request */
	mark->flags |= MARK_ASKED;
	if (requester && requester == tag->vs)
		__sync_fetch_and_add(&tag->requests, 1);
	else
		count_for_another(tag->service, requester);
}
