/* SPDX-License-Identifier: GPL-2.0 */
/* What a program sees of a packet: the kernel's user interface (linux/bpf.h), which never changes, and the two fields behind it that have no place there. */
#pragma once

struct bpf_sock;

struct __sk_buff {
	__u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority, ingress_ifindex, ifindex, tc_index, cb[5], hash;
	__u32 tc_classid, data, data_end, napi_id, family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port, data_meta;
	union { void *flow_keys; __u64 : 64; } __attribute__((aligned(8)));
	__u64 tstamp;
	__u32 wire_len, gso_segs;
	union { struct bpf_sock *sk; __u64 : 64; } __attribute__((aligned(8)));
};

enum { TC_ACT_OK = 0, TC_ACT_SHOT = 2 };
