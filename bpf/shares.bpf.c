// SPDX-License-Identifier: GPL-2.0
/*
 * Network shares: the filter of an HTB queueing discipline chooses the class of the virtual service for which the packet's socket works.
 * It works with the tags that the gates keep; a packet without a tagged socket is best effort.
 */
#include "gates_kernel.h"
#include "skb_kernel.h"
#include <bpf/bpf_helpers.h>
#include "gates.h"
#include "shares.h"
#include "tag_maps.h"

char LICENSE[] SEC("license") = "GPL";

/* Virtual service -> minor number of its class; 0: none, then the class of best effort, which the filter has as its own. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 16384); __type(key, __u32); __type(value, __u32); } network_classes SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 16384); __type(key, __u32); __type(value, struct network_use); } network_use SEC(".maps");
/* Kept for user space, which is the only writer. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 65536); __type(key, struct network_device_key); __type(value, struct network_device); } network_devices SEC(".maps");

static __always_inline __u32 vs_of(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct sock_tag *tag;

	if (!sk)
		return VS_NONE;	/* forwarded, or sent by the kernel itself */
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return VS_NONE;	/* a handshake that is not answered yet, or a connection that waits out its end: no bulk */
	tag = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	return tag ? tag->vs : VS_NONE;
}

SEC("tc")
int choose_class(struct __sk_buff *skb)
{
	__u32 vs = vs_of(skb);
	__u32 *minor = bpf_map_lookup_elem(&network_classes, &vs);
	struct network_use *use;

	if (minor && *minor)
		skb->tc_classid = *minor;
	use = bpf_map_lookup_elem(&network_use, &vs);
	if (use) {
		use->bytes += skb->wire_len;
		use->packets++;
	}
	return TC_ACT_OK;
}
