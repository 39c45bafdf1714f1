/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Count limits. A virtual service with a limit, or below one, has a counter; each socket counts once, in its counter and in all above, until its last descriptor
 * is closed, and each process until its last thread ends. What a socket was counted in stands in its tag, what a process was counted in in a map, so that exactly
 * that is given back, whatever rules came since.
 */
#pragma once

enum { MOST_LIMIT_LEVELS = 17, LIMIT_MET_BEST_EFFORT = 1 };
/* What can still be done with a socket or a process: it is being made; it is there already (accepted, forked, bound by a gate); it is older than the limit. */
enum count_age { COUNT_NEW, COUNT_MADE, COUNT_OLD };

static __always_inline __u32 counter_of(__u32 vs, __u32 generation, enum limit_kind kind)
{
	struct vs_counter *of = bpf_map_lookup_elem(&vs_counters, &vs);

	if (!of)
		return 0;
	of += generation & 1;
	if (of->generation != generation)
		return 0;
	return kind == COUNT_SOCKETS ? of->sockets : of->processes;
}

static __always_inline __u32 counter_above(__u32 counter)
{
	__u32 *above = bpf_map_lookup_elem(&counter_parents, &counter);

	return above ? *above : 0;
}

static __always_inline __u64 *count_in(struct counter_use *use, enum limit_kind kind)
{
	return kind == COUNT_SOCKETS ? &use->sockets : &use->processes;
}

static __always_inline void count_hit(struct counter_use *use, enum limit_kind kind)
{
	__sync_fetch_and_add(kind == COUNT_SOCKETS ? &use->socket_hits : &use->process_hits, 1);
}

/* The limit of that kind in this rule set; 0: none. */
static __always_inline __u32 most_of(const struct limit *limit, __u32 generation, enum limit_kind kind)
{
	if (limit->generation != generation)
		return 0;
	return kind == COUNT_SOCKETS ? limit->sockets : limit->processes;
}

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

/* For whom a process counts: for nobody where its threads or its requests are others' each. */
static __always_inline __u32 vs_of_process(const struct task_tag *leader)
{
	return leader->flags & TAG_OWN_THREAD ? VS_NONE : leader->vs;
}

/* The last thread of a process ends, or it counts nowhere any more. */
static __always_inline void uncount_process(__u32 tgid)
{
	__u32 *counted = bpf_map_lookup_elem(&counted_processes, &tgid), before;

	before = counted && *counted ? __sync_lock_test_and_set(counted, 0) : 0;
	if (before)
		give_back(before, COUNT_PROCESSES, MOST_LIMIT_LEVELS);
}

/* Counts a process for `vs`, and no longer for whom it was counted before. LIMIT_MET_BEST_EFFORT: it was not counted, for it shall work for best effort. */
static __noinline int count_process(__u32 tgid, __u32 vs, enum count_age age)
{
	__u32 *counted = bpf_map_lookup_elem(&counted_processes, &tgid);
	__u32 generation = generation_now(), counter, before;
	int met = 0;

	if (!counted)
		return 0;
	counter = counter_of(vs, generation, COUNT_PROCESSES);
	if (counter == *counted)
		return 0;
	if (counter)
		met = take_room(counter, generation, COUNT_PROCESSES, age);
	before = __sync_lock_test_and_set(counted, met ? 0 : counter);
	if (before)
		give_back(before, COUNT_PROCESSES, MOST_LIMIT_LEVELS);
	return met;
}

/* Counts the process of a leader that somebody else looks at; where it ended meanwhile, either its end sees the count or we see its end. */
static __noinline int count_found_process(struct task_struct *task, struct task_tag *tag)
{
	__u32 tgid = task->tgid;

	if (!BPF_CORE_READ(task, signal, live.counter))
		return 0;
	count_process(tgid, tag ? vs_of_process(tag) : VS_NONE, COUNT_OLD);
	if (!BPF_CORE_READ(task, signal, live.counter))
		uncount_process(tgid);
	return 0;
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
