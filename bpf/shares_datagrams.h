/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A service answers everybody's datagrams from one socket, and what waits in a class fills the socket's send buffer: when it is full the service waits, and with it all for whom it works.
 * So a virtual service may fill it only as far as it leaves room for the others: what waits for it must be at most what is free (the dynamic threshold of Choudhury and Hahne). More is dropped, as a full class would.
 * What waits for it cannot be seen; at most it is what was sent for it less what its class gets for certain since.
 */
#pragma once

/* A socket counts as shared so long after its virtual service changed. */
#define SHARED_NS 1000000000ULL
enum { DATAGRAM_SENDERS = 16 };

struct datagram_sender {
	__u64 at;			/* CLOCK_MONOTONIC, of `waiting` */
	__u32 vs;
	__u32 waiting;			/* bytes, at most */
};

/* The socket's senders share its slots by their numbers: whoever comes anew into a slot has nothing waiting. */
struct datagram_room {
	__u64 changed;
	__u32 vs;			/* for which it sent last */
	__u32 pad;
	struct datagram_sender senders[DATAGRAM_SENDERS];
};

struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, struct datagram_room); } datagram_rooms SEC(".maps");

extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym;

/* Bytes per second that a class gets for certain on the packet's device; 0: not known. */
static __always_inline __u64 certain_rate(struct __sk_buff *skb, const struct sock *sk, __u32 millionths)
{
	struct network_device_key key = { .netns = sk->__sk_common.skc_net.net->ns.inum, .index = skb->ifindex };
	struct network_device *device = bpf_map_lookup_elem(&network_devices, &key);

	return device ? device->bits_per_second / 8 * millionths / 1000000 : 0;
}

/* True for a datagram that has to be dropped. */
static __noinline bool takes_others_room(struct __sk_buff *skb, struct bpf_sock *sender, __u32 vs, __u32 millionths)
{
	const struct sock *sk = bpf_rdonly_cast(sender, bpf_core_type_id_kernel(struct sock));
	__u32 used = sk->sk_wmem_alloc.refs.counter, all = sk->sk_sndbuf, waiting;
	struct datagram_sender *one;
	struct datagram_room *room;
	__u64 now, gone, rate;

	/* Nothing waits to speak of: most datagrams end here. */
	if (used < all / 8)
		return false;
	room = bpf_sk_storage_get(&datagram_rooms, sender, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!room)
		return false;
	now = bpf_ktime_get_ns();
	if (room->vs != vs) {
		room->changed = room->vs ? now : 0;
		room->vs = vs;
	}
	one = &room->senders[vs % DATAGRAM_SENDERS];
	if (one->vs != vs) {
		one->vs = vs;
		one->waiting = 0;
	}
	rate = certain_rate(skb, sk, millionths);
	if (!rate)
		return false;
	gone = (now - one->at) / 1000;
	gone = gone > SHARED_NS / 1000 ? ~0U : gone * rate / 1000000;
	waiting = one->waiting > gone ? one->waiting - gone : 0;
	one->at = now;
	one->waiting = waiting;
	if (now - room->changed < SHARED_NS && used > all - waiting)
		return true;
	/* What it got beyond that is gone, too: else it would pay for what nobody else wanted. */
	waiting += skb->wire_len;
	one->waiting = waiting < all / 2 ? waiting : all / 2;
	return false;
}
