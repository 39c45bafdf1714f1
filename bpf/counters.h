/* SPDX-License-Identifier: GPL-2.0 */
/* Counters of sockets and processes, and the limits that they have. */
#pragma once

enum { MOST_LIMIT_LEVELS = 17, CLONE_THREAD = 0x10000 };

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

/* For whom a process counts: for nobody where its threads or its requests are others' each. */
static __always_inline __u32 vs_of_process(const volatile struct task_tag *leader)
{
	return leader->flags & TAG_OWN_THREAD ? VS_NONE : leader->vs;
}
