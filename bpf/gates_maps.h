/* SPDX-License-Identifier: GPL-2.0 */
/* Maps of the gates. All are pinned while something is enforced, so that they outlive the enforcer. */
#pragma once

#include "tag_maps.h"

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct control); } control SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 131072); __type(key, struct flow_key); __type(value, struct flow); } flows SEC(".maps");
/* By the client's port: counts changes of VS on flows, so that a server need not look into the flow again before there was one. Few enough to lie in one block of memory. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, FLOW_CHANGES); __type(key, __u32); __type(value, __u32); } flow_changes SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, struct datagram_marks); } datagrams SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 65536); __type(key, struct client_key); __type(value, __u32); } clients SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 65536); __type(key, struct name_key); __type(value, __u32); } hosts SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, NAMES_KINDS); __type(key, __u32); __type(value, __u64); } name_counts SEC(".maps");
/* By service, for the even generation and the odd one. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 16384); __type(key, __u32); __type(value, struct service_calls[2]); } service_calls SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 131072); __type(key, struct rule_key); __type(value, struct rule); } rules SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 65536); __type(key, struct inet_key); __type(value, __u32); } inet_endpoints SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 65536); __type(key, struct unix_key); __type(value, __u32); } unix_endpoints SEC(".maps");
/* Virtual services: id -> generations in which it is alive, the even one and the odd one, so that writing the next does not disturb the present. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 16384); __type(key, __u32); __type(value, __u32[2]); } vs_alive SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 4096); __type(key, __u32); __type(value, struct gate_stats); } gate_counts SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 65536); __type(key, struct account_key); __type(value, struct account); } accounts SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct clock_offset); } clock_offsets SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 16384); __type(key, struct process_key); __type(value, struct process_account); } process_cpu SEC(".maps");
/* Addresses where governed services listen -> service: tells accepted from connected sockets that are older than the gates. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 65536); __type(key, struct listener_key); __type(value, __u32); } listeners SEC(".maps");
/* CPU time of all tasks of a virtual service up to their last switch, ns: what the share feedback watches. Cheaper to read than all tasks. */
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 16384); __type(key, __u32); __type(value, __u64); } vs_runtime SEC(".maps");
/* How often a runtime was moved into the accounts: a reader that sees it change reads again. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } charges SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 131072); __type(key, __u32); __type(value, struct assignment); } assignments SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 131072); __type(key, struct member_key); __type(value, struct member); } members SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 65536); __type(key, struct member_name); __type(value, struct member); } member_names SEC(".maps");
/* Who listens at such an address is a member. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 65536); __type(key, struct inet_key); __type(value, struct member); } member_listeners SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct member_name); } member_scratch SEC(".maps");
/* One for each possible processor, put there by user space: the mover of that processor wakes where the re-bound task runs, with no interrupt to another one. */
struct rebind_ring { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 17); };
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 1); __type(key, __u32); __array(values, struct rebind_ring); } rebinds SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 16); } news SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 65536); __type(key, __u64); __type(value, struct vs_share); } vs_shares SEC(".maps");
/* Count limits: of the even generation and the odd one, as above. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 16384); __type(key, __u32); __type(value, struct vs_counter[2]); } vs_counters SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 16384); __type(key, __u32); __type(value, struct limit[2]); } limits SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 16384); __type(key, __u32); __type(value, __u32); } counter_parents SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 16384); __type(key, __u32); __type(value, struct counter_use); } counter_uses SEC(".maps");
/* By process number: the counter in which the process is counted, 0: none. Only exchanged, so that each place taken is given back once. One entry where no process was ever counted. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } counted_processes SEC(".maps");
/* Kept for user space, which is the only writer: names of ids, original cgroups, the enforcer's heartbeat and latencies. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 131072); __type(key, __u64); __type(value, char[256]); } names SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 131072); __type(key, __u64[2]); __type(value, char[512]); } origins SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, char[256]); } agent SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, char[4096]); } latencies SEC(".maps");

static const __u32 zero;

/* Not set by a vs that does not know it: then all is told apart. */
static __always_inline bool binds_whole_processes(void)
{
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	return c && (c->flags & WHOLE_PROCESSES);
}

static __always_inline __u32 generation_now(void)
{
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	return c ? c->generation : 0;
}

static __always_inline bool counts_processes(void)
{
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	return c && (c->flags & COUNTS_PROCESSES);
}
