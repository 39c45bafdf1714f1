/*
 * The few kernel types that the recorder reads. preserve_access_index lets the loader move each access to where the
 * running kernel has the field (CO-RE), so only the names must be right here, not the places.
 */
#ifndef KERNEL_H
#define KERNEL_H

/* Makes bpf_tracing.h use the kernel's names of registers. */
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef signed short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

typedef _Bool bool;
enum { false = 0, true = 1 };

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;

/* From the kernel's user interface (linux/bpf.h), which never changes. */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
	BPF_F_MMAPABLE = 1 << 10,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
};

enum {
	AF_UNIX = 1,
	AF_INET = 2,
	AF_INET6 = 10,
	IPPROTO_TCP = 6,
	IPPROTO_UDP = 17,
	S_IFMT = 0170000,
	S_IFSOCK = 0140000,
	S_IFIFO = 0010000,
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_CLOSE = 7,
	TCP_LISTEN = 10,
	SOL_SOCKET = 1,
	SCM_RIGHTS = 1,
	F_DUPFD = 0,
	F_DUPFD_CLOEXEC = 1030,
	MSG_PEEK = 2,
	MSG_ERRQUEUE = 0x2000,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10, r9, r8, dx, si, di, orig_ax, ax, sp, ip, bp;
};
struct thread_info {
	u32 status;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	u64 regs[31];
	u64 sp, pc;
};
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
};
struct thread_info {
	unsigned long flags;
	struct {
		u32 count;
	} preempt;
};
#endif

struct file;
struct bpf_local_storage;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct sched_entity {
	u64 sum_exec_runtime;
};

struct upid {
	int nr;
};

struct pid {
	struct upid numbers[1];
};

struct cred {
	struct {
		u32 val;
	} euid;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state;
	unsigned int flags;
	struct sched_entity se;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	u64 start_boottime;
	const struct cred *cred;
	char comm[16];
	struct files_struct *files;
	struct bpf_local_storage *bpf_storage;
};

struct inode {
	u16 i_mode;
	unsigned long i_ino;
};

struct file_operations;

struct file {
	struct inode *f_inode;
	const struct file_operations *f_op;
	void *private_data;
};

struct eventfd_ctx {
	int id;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};


struct in6_addr {
	union {
		u8 u6_addr8[16];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	struct {
		struct net *net;
	} skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	struct {
		__s64 counter;
	} skc_cookie;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
	int sk_err;
	struct socket *sk_socket;
	struct pid *sk_peer_pid;
	void *sk_user_data;
};

struct socket {
	struct sock *sk;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct sockaddr_un {
	u16 sun_family;
	char sun_path[108];
};

struct unix_address {
	int len; /* of name, with its family */
	struct sockaddr_un name[0];
};

struct inet_connection_sock {
	const void *icsk_ulp_ops;
};

struct tcp_sock {
	u32 snd_nxt;
	u32 write_seq;
	u64 tcp_clock_cache; /* CLOCK_MONOTONIC of what was sent or received last */
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

struct bpf_iter_meta;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct linux_binprm;

/* Only for its form: a place in memory that holds a pointer. */
struct llist_node {
	struct llist_node *next;
};

#pragma clang attribute pop

/* Contexts of cgroup hooks: part of the kernel's stable interface, so not relocated. */
struct bpf_sock {
	u32 bound_dev_if;
	u32 family;
	u32 type;
	u32 protocol;
};

struct bpf_sock_addr {
	u32 user_family;
	u32 user_ip4;
	u32 user_ip6[4];
	u32 user_port;
};

#endif
