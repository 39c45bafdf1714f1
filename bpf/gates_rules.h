/* SPDX-License-Identifier: GPL-2.0 */
/* What gates and admission look up alike. */
#pragma once

static __always_inline struct rule *find_rule(__u32 generation, __u32 service, __u32 call, __u32 endpoint, __u32 requester)
{
	struct rule_key key = { .generation = generation, .service = service, .call = call, .endpoint = endpoint == ENDPOINT_OTHER ? 0 : endpoint, .requester = requester };
	struct rule *rule = bpf_map_lookup_elem(&rules, &key);

	if (rule || !requester)
		return rule;
	key.requester = 0;
	return bpf_map_lookup_elem(&rules, &key);
}

/* A network that is somebody's front door. */
static __always_inline __u32 client_network(const __u8 *address, __u32 generation)
{
	struct client_key key = { .bits = 32 + 128, .generation = generation };
	__u32 *vs;

	__builtin_memcpy(key.address, address, sizeof(key.address));
	vs = bpf_map_lookup_elem(&clients, &key);
	return vs ? *vs : VS_NONE;
}

/* True where packets told a name under these rules; whose, if it is not the client's network that tells then. */
static __always_inline bool has_name(const struct sock_tag *mark, __u32 generation, __u32 *vs)
{
	__u32 state = mark->name_state & NAME_KINDS;

	if (mark->name_generation != generation || state == NAME_NONE || state == NAME_OTHER)
		return false;
	*vs = state == NAME_KNOWN ? mark->named : VS_NONE;
	return true;
}

static __always_inline __u32 *changes_of(__u32 client_port)
{
	__u32 index = client_port & (FLOW_CHANGES - 1);

	return bpf_map_lookup_elem(&flow_changes, &index);
}

/* Who sent the last bytes of a flow. */
static __always_inline __u32 flow_now(const struct flow *flow)
{
	return flow->marks_made ? flow->marks[(flow->marks_made - 1) & (FLOW_MARKS - 1)] >> 32 : flow->vs;
}
