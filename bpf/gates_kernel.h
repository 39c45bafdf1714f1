/* SPDX-License-Identifier: GPL-2.0 */
/* The few fields of kernel structs that the gates read. CO-RE moves each access to where the running kernel has the field. */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed int __s32;
typedef signed long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
enum { false, true };
#define NULL ((void *)0)

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_HASH = 5, BPF_MAP_TYPE_PERCPU_ARRAY = 6, BPF_MAP_TYPE_LRU_HASH = 9, BPF_MAP_TYPE_LPM_TRIE = 11, BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_SK_STORAGE = 24, BPF_MAP_TYPE_RINGBUF = 27, BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_F_NO_PREALLOC = 1, BPF_F_CLONE = 1 << 9, BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_SK_STORAGE_GET_F_CREATE = 1, BPF_LOCAL_STORAGE_GET_F_CREATE = 1, BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };

enum { AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, IPPROTO_TCP = 6, IPPROTO_UDP = 17, MSG_PEEK = 2, MSG_DONTWAIT = 0x40, EAGAIN = 11, O_NONBLOCK = 0x800, SOCK_STREAM = 1, SOCK_DGRAM = 2, TASK_DEAD = 0x80 };
enum { TCPHDR_FIN = 1, SOL_SOCKET = 1, SO_RCVLOWAT = 18 };
enum { PF_IO_WORKER = 0x10, ETH_P_IP = 0x0800, ETH_P_IPV6 = 0x86dd, LOOPBACK_IFINDEX = 1 };
enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_SYN_RECV = 3, TCP_FIN_WAIT1 = 4, TCP_CLOSE = 7, TCP_CLOSE_WAIT = 8, TCP_LAST_ACK = 9, TCP_LISTEN = 10 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common { unsigned int inum; };
struct net { struct ns_common ns; };
typedef struct { struct net *net; } possible_net_t;
struct in6_addr { __u8 bytes[16]; };

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct upid { int nr; };
struct pid { struct upid numbers[1]; };

struct sk_buff_head { __u32 qlen; };
struct bpf_local_storage;
typedef struct { int counter; } atomic_t;
typedef struct refcount_struct { atomic_t refs; } refcount_t;
struct sock {
	struct sock_common __sk_common;
	struct bpf_local_storage *sk_bpf_storage;
	struct sk_buff_head sk_receive_queue;
	int sk_rcvlowat;
	refcount_t sk_wmem_alloc;
	int sk_sndbuf;
	__u16 sk_type;
	__u16 sk_protocol;
	struct pid *sk_peer_pid;
};

struct tcp_sock { __u32 copied_seq; __u32 write_seq; __u32 rcv_nxt; };
/* Kept in sk_buff.cb by TCP; tcp_flags is a __u8 in Linux before 6.15, and in the low byte of a little-endian __u16 since. */
struct tcp_skb_cb { __u32 seq; __u32 end_seq; __u32 tcp_tw_isn; __u8 tcp_flags; };
struct net_device { int ifindex; };
struct sk_buff { struct net_device *dev; struct sock *sk; unsigned char *head; char cb[16]; __be16 protocol; __u16 network_header; };
struct sockaddr_un { unsigned short sun_family; char sun_path[108]; };
struct unix_address { int len; struct sockaddr_un name[0]; };
struct unix_sock { struct unix_address *addr; struct sock *peer; };
struct socket { struct sock *sk; };
struct super_block { __u32 s_dev; };
struct inode { struct super_block *i_sb; unsigned long i_ino; };
struct file { struct inode *f_inode; unsigned int f_flags; };
struct bpf_dynptr { __u64 opaque[2]; };
struct linux_binprm { struct file *file; };
typedef struct { unsigned int val; } kuid_t;
struct cred { kuid_t uid; };

struct kernfs_node { __u64 id; const char *name; };
struct cgroup_root { int hierarchy_id; };
struct cgroup;
struct cgroup_subsys_state { struct cgroup *cgroup; struct cgroup_subsys_state *parent; };
struct cgroup { struct cgroup_subsys_state self; struct kernfs_node *kn; struct cgroup_root *root; };
struct css_set { struct cgroup_subsys_state *subsys[1]; struct cgroup *dfl_cgrp; };

struct rq { __u64 clock; __u64 clock_task; };
struct cfs_rq { struct rq *rq; };
struct sched_entity { __u64 exec_start; __u64 sum_exec_runtime; __u64 prev_sum_exec_runtime; struct cfs_rq *cfs_rq; };
struct sched_info { __u64 run_delay; };
struct signal_struct { atomic_t live; };
struct task_struct {
	struct bpf_local_storage *bpf_storage;
	struct sched_entity se;
	struct sched_info sched_info;
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
	const struct cred *real_cred;
	struct css_set *cgroups;
	struct signal_struct *signal;
	char comm[16];
};

struct seq_file;
struct bpf_iter_meta { struct seq_file *seq; };
struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; };
struct bpf_iter__tcp { struct bpf_iter_meta *meta; struct sock_common *sk_common; };
struct bpf_iter__task_file { struct bpf_iter_meta *meta; struct task_struct *task; __u32 fd; struct file *file; };

#pragma clang attribute pop

/* Contexts of hooks: part of the kernel's stable interface, so not relocated. */
struct bpf_sock { __u32 bound_dev_if; __u32 family; __u32 type; __u32 protocol; };
struct bpf_sock_addr {
	__u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol, msg_src_ip4, msg_src_ip6[4];
	union { struct bpf_sock *sk; __u64 : 64; } __attribute__((aligned(8)));
};

/* The number differs between configurations: CO-RE reads it from the running kernel. */
enum cgroup_subsys_id { cpu_cgrp_id = 1 };
