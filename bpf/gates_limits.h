/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Count limits. A virtual service with a limit, or below one, has a counter; each socket counts once, in its counter and in all above, until its last descriptor
 * is closed. What a socket was counted in stands in its tag, so that exactly that is given back, whatever rules came since.
 */
#pragma once

enum { MOST_LIMIT_LEVELS = 17, LIMIT_MET_BEST_EFFORT = 1 };
/* What can still be done with a socket: it is being made, it was accepted, it is older than the limit. */
enum socket_age { SOCKET_NEW, SOCKET_ACCEPTED, SOCKET_OLD };

static __always_inline __u32 counter_of(__u32 vs, __u32 generation)
{
	struct vs_counter *of = bpf_map_lookup_elem(&vs_counters, &vs);

	if (!of)
		return 0;
	of += generation & 1;
	return of->generation == generation ? of->counter : 0;
}

static __always_inline __u32 counter_above(__u32 counter)
{
	__u32 *above = bpf_map_lookup_elem(&counter_parents, &counter);

	return above ? *above : 0;
}

/* Gives a socket back to `counter` and to `levels` counters in all. */
static __always_inline void give_back(__u32 counter, __u32 levels)
{
	struct counter_use *use;

	for (__u32 i = 0; i < MOST_LIMIT_LEVELS && i < levels && counter; i++) {
		use = bpf_map_lookup_elem(&counter_uses, &counter);
		if (!use)
			return;
		__sync_fetch_and_add(&use->sockets, (__u64)-1);
		counter = counter_above(counter);
	}
}

/*
 * Takes room for a socket. 0: it is counted; LIMIT_MET_BEST_EFFORT or an error number below 0: a limit is reached and it is not. What can be neither refused nor
 * classified any more is counted above the limit. Of two that take the last place at once, both may be told that there is none.
 */
static __always_inline int take_room(__u32 counter, __u32 generation, enum socket_age age)
{
	struct counter_use *use;
	struct limit *limit;
	__u32 at = counter;
	__u64 before;

	for (__u32 i = 0; i < MOST_LIMIT_LEVELS && at; i++) {
		use = bpf_map_lookup_elem(&counter_uses, &at);
		limit = bpf_map_lookup_elem(&limits, &at);
		if (!use || !limit)
			return 0;
		limit += generation & 1;
		before = __sync_fetch_and_add(&use->sockets, 1);
		if (age != SOCKET_OLD && limit->generation == generation && limit->sockets && before >= limit->sockets) {
			__sync_fetch_and_add(&use->socket_hits, 1);
			if (limit->action == LIMIT_BEST_EFFORT || (limit->action == LIMIT_ERRNO && age == SOCKET_NEW)) {
				give_back(counter, i + 1);
				return limit->action == LIMIT_BEST_EFFORT ? LIMIT_MET_BEST_EFFORT : -(int)limit->error;
			}
		}
		at = counter_above(at);
	}
	return 0;
}

/* Counts a socket, unless it is counted already, and classifies it to best effort where the limit says so. `identity` is its address: a clone has its listener's tag. */
static __noinline int count_socket(__u64 identity, struct sock_tag *mark, __u32 vs, __u32 generation, enum socket_age age)
{
	__u64 counted = mark->counted;
	__u32 counter;
	int met;

	if (counted == identity)
		return 0;
	counter = counter_of(vs, generation);
	/* Two threads may use a new connection at once: one of them counts it. */
	if (!counter || __sync_val_compare_and_swap(&mark->counted, counted, identity) != counted)
		return 0;
	mark->counted_in = counter;
	met = take_room(counter, generation, age);
	if (met == 0)
		return 0;
	mark->counted = 0;
	if (met == LIMIT_MET_BEST_EFFORT) {
		mark->vs = VS_BEST_EFFORT;
		mark->flags |= MARK_BOUND;
		return 0;
	}
	return met;
}

/* A connection is accepted already when it is first used: nobody can be told an error. */
static __always_inline void count_accepted(const struct sock *sk, struct sock_tag *mark, __u32 vs, __u32 generation)
{
	count_socket((__u64)sk, mark, vs, generation, SOCKET_ACCEPTED);
}

/* A socket is made, or one that was made for nobody connects. */
static __always_inline int room_for_socket(struct bpf_sock *sk, struct task_tag *tag)
{
	struct sock_tag *mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	__u32 generation = generation_now(), vs = mark && (mark->flags & MARK_BOUND) ? mark->vs : tag->vs;

	if (!counter_of(vs, generation))
		return 0;
	if (!mark)
		mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	return mark ? count_socket((__u64)sk, mark, vs, generation, SOCKET_NEW) : 0;
}

static __always_inline int verdict(int error)
{
	if (!error)
		return 1;
	bpf_set_retval(error);
	return 0;
}

/* The last descriptor of a TCP or UDP socket is closed, by close() or by the death of its holder. */
SEC("cgroup/sock_release")
int on_release(struct bpf_sock *ctx)
{
	struct sock_tag *mark = bpf_sk_storage_get(&sock_tags, ctx, 0, 0);

	if (mark && mark->counted == (__u64)ctx) {
		mark->counted = 0;
		give_back(mark->counted_in, MOST_LIMIT_LEVELS);
	}
	return 1;
}

static __always_inline int connects(struct bpf_sock_addr *ctx)
{
	struct task_tag *tag = bpf_task_storage_get(&task_tags, bpf_get_current_task_btf(), 0, 0);
	struct bpf_sock *sk = ctx->sk;

	return tag && sk ? verdict(room_for_socket(sk, tag)) : 1;
}

SEC("cgroup/connect4")
int on_connect4(struct bpf_sock_addr *ctx)
{
	return connects(ctx);
}

SEC("cgroup/connect6")
int on_connect6(struct bpf_sock_addr *ctx)
{
	return connects(ctx);
}
