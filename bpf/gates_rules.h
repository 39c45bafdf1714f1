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

/* VS of the name that was asked for; none where there are several. */
static __always_inline __u32 name_vs(const struct sock_tag *mark)
{
	return mark->name_state == NAME_KNOWN ? mark->named : VS_NONE;
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
