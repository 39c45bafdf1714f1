/* SPDX-License-Identifier: GPL-2.0 */
/* What is under way between sockets of this host, and for whom. */
#pragma once

static __always_inline bool before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

/* The client's VS changes with the byte `sequence`: before that byte leaves, under the socket's lock. Returns the process that reads the other end, as far as it is known. */
static __noinline __u32 mark_flow(const struct sock *sk, __u32 vs, __u32 sequence)
{
	struct flow_key key;
	struct flow *flow;
	__u32 *changes;

	flow_of(sk, true, &key);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow) {
		/* Forgotten, or older than the gates: what was sent before is nobody's. */
		struct flow fresh = { .marks_made = 1, .marks = { (__u64)vs << 32 | sequence } };

		bpf_map_update_elem(&flows, &key, &fresh, BPF_NOEXIST);
	} else {
		flow->marks[flow->marks_made & (FLOW_MARKS - 1)] = (__u64)vs << 32 | sequence;
		__sync_fetch_and_add(&flow->marks_made, 1);
	}
	changes = changes_of(key.client_port);
	if (changes)
		__sync_fetch_and_add(changes, 1);
	return flow ? flow->reader : 0;
}

/* VS of the bytes from `first` to `last` of a stream; none where they are of several, or where marks were overwritten before the bytes were read. */
static __always_inline __u32 flow_vs(struct flow *flow, __u32 first, __u32 last)
{
	__u32 made = flow->marks_made, overwritten;
	__u64 mark;

	for (__u32 i = 0; i < FLOW_MARKS; i++) {
		if (i == made)
			return flow->vs;
		mark = flow->marks[(made - 1 - i) & (FLOW_MARKS - 1)];
		if (before(last, (__u32)mark))
			continue;
		overwritten = flow->marks_made - made;
		if (overwritten + i >= FLOW_MARKS || before(first, (__u32)mark))
			return VS_NONE;
		return mark >> 32;
	}
	return made == FLOW_MARKS ? flow->vs : VS_NONE;
}

/* A datagram leaves. The server's address is left out: a server bound to all addresses does not know which one was used. */
static __always_inline void datagram_flow(struct flow_key *key, __u32 netns)
{
	__builtin_memset(key->server, 0, sizeof(key->server));
	key->netns = netns;
	key->protocol = IPPROTO_UDP;
}

static __always_inline void count_datagram(struct flow_key *key, __u32 vs)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, key);

	if (!flow) {
		struct flow fresh = { .vs = vs, .sent = 1 };

		if (vs)
			bpf_map_update_elem(&flows, key, &fresh, BPF_NOEXIST);
		return;
	}
	if (flow->vs != vs) {
		flow->changed = flow->sent;
		flow->vs = vs;
	}
	__sync_fetch_and_add(&flow->sent, 1);
}

/* VS of the datagram just received. After a change it is known only once more were received than were sent before the change: some may have been dropped. */
static __always_inline __u32 datagram_vs(struct flow_key *key, __u32 generation)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, key);
	__u32 index;

	if (!flow)
		return client_network(key->client, generation);
	index = __sync_fetch_and_add(&flow->received, 1);
	return before(index, flow->changed) ? VS_NONE : flow->vs;
}
