/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Count limits. A virtual service with a limit, or below one, has a counter; each socket counts once, in its counter and in all above, until its last descriptor
 * is closed, and each process until its last thread ends. What a socket was counted in stands in its tag, what a process was counted in in a map, so that exactly
 * that is given back, whatever rules came since.
 */
#pragma once

#include "counters.h"

enum { LIMIT_MET_BEST_EFFORT = 1, MOST_ERRNO = 4095 };
/* What can still be done with a socket or a process: it is being made; it is there already (accepted, forked, bound by a gate); it is older than the limit. */
enum count_age { COUNT_NEW, COUNT_MADE, COUNT_OLD };

/* Gives a place back to `counter` and to `levels` counters in all. */
static __always_inline void give_back(__u32 counter, enum limit_kind kind, __u32 levels)
{
	struct counter_use *use;

	for (__u32 i = 0; i < MOST_LIMIT_LEVELS && i < levels && counter; i++) {
		use = bpf_map_lookup_elem(&counter_uses, &counter);
		if (!use)
			return;
		__sync_fetch_and_add(count_in(use, kind), (__u64)-1);
		counter = counter_above(counter);
	}
}

/*
 * Takes room. 0: it is counted; LIMIT_MET_BEST_EFFORT or an error number below 0: a limit is reached and it is not. What can be neither refused nor
 * classified any more is counted above the limit. Of two that take the last place at once, both may be told that there is none.
 */
static __always_inline int take_room(__u32 counter, __u32 generation, enum limit_kind kind, enum count_age age)
{
	struct counter_use *use;
	struct limit *limit;
	__u32 at = counter, most;
	__u64 before;

	for (__u32 i = 0; i < MOST_LIMIT_LEVELS && at; i++) {
		use = bpf_map_lookup_elem(&counter_uses, &at);
		limit = bpf_map_lookup_elem(&limits, &at);
		if (!use || !limit)
			return 0;
		limit += generation & 1;
		before = __sync_fetch_and_add(count_in(use, kind), 1);
		most = most_of(limit, generation, kind);
		if (age != COUNT_OLD && most && before >= most) {
			count_hit(use, kind);
			if (limit->action == LIMIT_BEST_EFFORT || (limit->action == LIMIT_ERRNO && age == COUNT_NEW)) {
				give_back(counter, kind, i + 1);
				return limit->action == LIMIT_BEST_EFFORT ? LIMIT_MET_BEST_EFFORT : -(int)limit->error;
			}
		}
		at = counter_above(at);
	}
	return 0;
}

/* Counts a socket, unless it is counted already, and classifies it to best effort where the limit says so. `identity` is its address: a clone has its listener's tag. */
static __noinline int count_socket(__u64 identity, struct sock_tag *mark, __u32 vs, __u32 generation, enum count_age age)
{
	__u64 counted = mark->counted;
	__u32 counter;
	int met;

	if (counted == identity)
		return 0;
	counter = counter_of(vs, generation, COUNT_SOCKETS);
	/* Two threads may use a new connection at once: one of them counts it. */
	if (!counter || __sync_val_compare_and_swap(&mark->counted, counted, identity) != counted)
		return 0;
	mark->counted_in = counter;
	met = take_room(counter, generation, COUNT_SOCKETS, age);
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
	count_socket((__u64)sk, mark, vs, generation, COUNT_MADE);
}

/* A socket is made, or one that was made for nobody connects. */
static __always_inline int room_for_socket(struct bpf_sock *sk, struct task_tag *tag)
{
	struct sock_tag *mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	__u32 generation = generation_now(), vs = mark && (mark->flags & MARK_BOUND) ? mark->vs : tag->vs;

	if (!counter_of(vs, generation, COUNT_SOCKETS))
		return 0;
	if (!mark)
		mark = bpf_sk_storage_get(&sock_tags, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	return mark ? count_socket((__u64)sk, mark, vs, generation, COUNT_NEW) : 0;
}

/* What is counted for a process becomes `counter`, and what was is given back. */
static __always_inline void exchange_count(__u32 *counted, __u32 counter)
{
	__u32 before = __sync_lock_test_and_set(counted, counter);

	if (before)
		give_back(before, COUNT_PROCESSES, MOST_LIMIT_LEVELS);
}

/* The last thread of a process ends, or it counts nowhere any more. Not static, as the next: the verifier looks at it once, and not at each call with all that is above it. */
__noinline int uncount_process(__u32 tgid)
{
	__u32 *counted = bpf_map_lookup_elem(&counted_processes, &tgid);

	if (counted && *counted)
		exchange_count(counted, 0);
	return 0;
}

/*
 * Counts a process for `vs`, and no longer for whom it was counted before. LIMIT_MET_BEST_EFFORT: it was not counted, for it shall work for best effort.
 * Its place is given back first: between two children of a full parent nothing becomes more.
 */
__noinline int count_process(__u32 tgid, __u32 vs, __u32 age)
{
	__u32 *counted = bpf_map_lookup_elem(&counted_processes, &tgid);
	__u32 generation = generation_now(), counter;
	int met;

	if (!counted)
		return 0;
	counter = counter_of(vs, generation, COUNT_PROCESSES);
	if (counter == *counted)
		return 0;
	exchange_count(counted, 0);
	if (!counter)
		return 0;
	met = take_room(counter, generation, COUNT_PROCESSES, age);
	if (!met)
		exchange_count(counted, counter);
	return met;
}

/* Made beyond a limit of processes, and best effort's for that as long as `vs`, to which the rules would give it, counts them. */
static __always_inline bool stays_beyond(const struct task_tag *tag, __u32 vs)
{
	return (tag->flags & TAG_BEYOND) && counter_of(vs, generation_now(), COUNT_PROCESSES);
}

/* True until the last thread of its process ends, whatever its parent knows. */
static __always_inline bool lives(struct task_struct *task)
{
	return task->signal->live.counter;
}

/* Somebody else counted the process of a leader: where that one ended meanwhile, either its end saw the count or we see its end. */
static __always_inline void uncount_if_ended(struct task_struct *task)
{
	if (!lives(task))
		uncount_process(task->tgid);
}

/* Counts the process of a leader that somebody else looks at. It may be bound anew meanwhile: the later of the two looks again. */
static __noinline int count_found_process(struct task_struct *task, struct task_tag *tag)
{
	__u32 vs = tag ? vs_of_process(tag) : VS_NONE;

	if (!lives(task))
		return 0;
	count_process(task->tgid, vs, COUNT_OLD);
	if (tag && vs_of_process(tag) != vs)
		count_process(task->tgid, vs_of_process(tag), COUNT_OLD);
	uncount_if_ended(task);
	return 0;
}

/* The errno for a process that is about to be made, 0 where there is room or where it is made to work for best effort. Two in the same instant may both get the last place. */
static __noinline __u32 errno_of_fork(struct task_tag *maker)
{
	__u32 generation = generation_now(), counter = counter_of(vs_of_process(maker), generation, COUNT_PROCESSES);
	struct counter_use *use;
	struct limit *limit;
	__u32 most;

	for (__u32 i = 0; i < MOST_LIMIT_LEVELS && counter; i++) {
		use = bpf_map_lookup_elem(&counter_uses, &counter);
		limit = bpf_map_lookup_elem(&limits, &counter);
		if (!use || !limit)
			return 0;
		limit += generation & 1;
		most = most_of(limit, generation, COUNT_PROCESSES);
		if (most && use->processes >= most && limit->action == LIMIT_BEST_EFFORT)
			return 0;
		if (most && use->processes >= most && limit->action == LIMIT_ERRNO) {
			count_hit(use, COUNT_PROCESSES);
			return limit->error;
		}
		counter = counter_above(counter);
	}
	return 0;
}

/* Only where the kernel lets BPF programs be security hooks. */
SEC("lsm/task_alloc")
int BPF_PROG(on_forking, struct task_struct *child, unsigned long clone_flags, int refused)
{
	struct task_tag *maker;
	__u32 error;

	if (refused || (clone_flags & CLONE_THREAD) || !counts_processes())
		return refused;
	maker = bpf_task_storage_get(&task_tags, bpf_get_current_task_btf(), 0, 0);
	if (!maker)
		return 0;
	/* -x as ~x + 1: the verifier must see a number from -4095 to 0, and does not follow a negation. */
	error = ~(errno_of_fork(maker) & MOST_ERRNO);
	barrier_var(error);
	return (int)(error + 1);
}

/* As bpf_set_retval() is called in the kernel: with 64 bits, of which Linux 7 wants to see that they are a number from -4095 to 0. */
static long (*const set_retval)(long error) = (void *)187;

static __always_inline int verdict(int error)
{
	__u64 bounded;

	if (!error)
		return 1;
	bounded = ~((__u64)-error & MOST_ERRNO); /* as ~x + 1, see above */
	barrier_var(bounded);
	set_retval((long)(bounded + 1));
	return 0;
}

/* The last descriptor of a TCP or UDP socket is closed, by close() or by the death of its holder. */
SEC("cgroup/sock_release")
int on_release(struct bpf_sock *ctx)
{
	struct sock_tag *mark = bpf_sk_storage_get(&sock_tags, ctx, 0, 0);

	if (mark && mark->counted == (__u64)ctx) {
		mark->counted = 0;
		give_back(mark->counted_in, COUNT_SOCKETS, MOST_LIMIT_LEVELS);
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
