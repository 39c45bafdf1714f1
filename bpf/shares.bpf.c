// SPDX-License-Identifier: GPL-2.0
/*
 * Network shares: the filter of an HTB queueing discipline chooses the class of the virtual service for which the packet's socket works.
 * It works with the tags that the gates keep; a packet without a tagged socket is best effort.
 */
#include "gates_kernel.h"
#include "skb_kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "gates.h"
#include "shares.h"
#include "tag_maps.h"

char LICENSE[] SEC("license") = "GPL";

/* Virtual service -> its class; without one that of best effort, which the filter has as its own. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 16384); __type(key, __u32); __type(value, struct network_class); } network_classes SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 16384); __type(key, __u32); __type(value, struct network_use); } network_use SEC(".maps");
/* Kept for user space, which is the only writer. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 65536); __type(key, struct network_device_key); __type(value, struct network_device); } network_devices SEC(".maps");

#include "shares_datagrams.h"

SEC("tc")
int choose_class(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct network_class *class;
	struct network_use *use;
	struct sock_tag *tag;
	__u32 vs = VS_NONE;
	bool drop = false;

	/* Without: forwarded, or sent by the kernel itself; a handshake that is not answered yet, or a connection that waits out its end: no bulk. */
	if (sk)
		sk = bpf_sk_fullsock(sk);
	if (sk) {
		tag = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
		if (tag)
			vs = tag->vs;
	}
	class = bpf_map_lookup_elem(&network_classes, &vs);
	if (class && class->minor) {
		skb->tc_classid = class->minor;
		drop = sk && sk->protocol == IPPROTO_UDP && takes_others_room(skb, sk, vs, class->millionths);
	}
	use = bpf_map_lookup_elem(&network_use, &vs);
	if (use) {
		use->bytes += skb->wire_len;
		use->packets++;
		use->dropped += drop;
	}
	return drop ? TC_ACT_SHOT : TC_ACT_OK;
}
