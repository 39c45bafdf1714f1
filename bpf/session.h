/*
 * What the recorder hands to user space through its rings. C# declares the same structs (src/Discover/Recording/RingRecords.cs);
 * a test compares sizes and offsets. A record is told by its kind, which stands at the same place in all of them.
 */
#ifndef SESSION_H
#define SESSION_H

#include "kernel.h"

/* Numbers of CallKind in the session format. */
enum call_kind {
	CALL_NONE = 0,
	CALL_ACCEPT = 1,
	CALL_CONNECT = 2,
	CALL_RECEIVE = 3,
	CALL_SEND = 4,
	CALL_CLOSE = 5,
	CALL_FORK = 6,
	CALL_EXEC = 7,
	CALL_EXIT = 8,
	CALL_WAKE = 9,
	CALL_DESCRIBE = 11,
	CALL_LISTEN = 12,
	CALL_CREATE = 13,
	CALL_BIND = 14,
	CALL_SHUTDOWN = 15,
	CALL_DUPLICATE = 16,
	CALL_WAIT = 17,
	CALL_PASS = 18,
	/* Not an event: a process for the inventory. */
	RECORD_PROCESS = 100,
};

/* How a system call's arguments are to be read: the upper byte of an entry of the call table; the lower is its kind. */
enum call_form {
	FORM_PLAIN = 0,		/* the descriptor is the first argument */
	FORM_ADDRESSED = 1,	/* recvfrom, sendto: MSG_* flags in the fourth argument, an address in the fifth */
	FORM_MESSAGE = 2,	/* recvmsg, sendmsg: a msghdr in the second, flags in the third */
	FORM_MESSAGES = 3,	/* recvmmsg, sendmmsg: an array of them in the second, flags in the fourth; the result counts messages */
	FORM_REPLACES = 4,	/* dup2, dup3: the second argument is a descriptor that is closed */
	FORM_DUPLICATES = 5,	/* dup */
	FORM_CONTROL = 6,	/* fcntl: only where it duplicates */
	FORM_MAKES = 7,		/* socket, eventfd: the result is the descriptor */
	FORM_PIPE = 8,		/* two descriptors are written to where the first argument points */
	FORM_SOCKET_PAIR = 9,	/* the same, fourth argument */
	FORM_MOVES = 10,	/* splice: from the first argument to the third */
	FORM_WAITS = 11,	/* epoll_wait: any descriptor */
	FORM_WAITS_MANY = 12,	/* poll, select: no descriptor */
};

/* Numbers of WakeMeans in the session format, and what the table of wakes says of a call. */
enum wake_means {
	WAKE_UNKNOWN = 0,		/* in the table: not recorded */
	WAKE_FUTEX = 1,
	WAKE_PIPE = 2,
	WAKE_EVENTFD = 3,
	WAKE_SIGNAL = 4,
	WAKE_EXIT = 5,
	WAKE_BY_DESCRIPTOR = 100,	/* a write: what the first argument is decides */
};

enum socket_role {
	ROLE_UNKNOWN = 0,
	ROLE_SERVER = 1,
	ROLE_CLIENT = 2,
	ROLE_LISTENER = 3,
	ROLE_FORCE = 0x80,	/* never handed over: describe the socket again */
};

/* Top bit of a socket id that is an inode number. */
#define SOCKET_INODE_FLAG (1ULL << 63)
/* With it: the number of an eventfd, which has no inode of its own. */
#define SOCKET_EVENTFD_FLAG (1ULL << 62)
/* In ring_socket.family: an eventfd; 0 is a pipe. */
#define FAMILY_EVENTFD 0xffff

/* One call. Times are CLOCK_MONOTONIC. */
struct ring_event {
	u64 time_ns;		/* enter; time_ns + duration_ns is always the end */
	u64 cpu_ns;		/* of the thread so far */
	u64 socket;		/* id, 0 for none */
	u32 duration_ns;
	s32 result;
	s32 pid;
	s32 tid;
	s32 fd;
	s32 child;		/* fork, wake: thread id of the other */
	s32 child_pid;		/* fork, wake: its process id */
	u8 kind;		/* enum call_kind */
	u8 has_peer;		/* it is a ring_datagram */
	u8 unused[2];
};

/* An internet address: IPv4 mapped into IPv6, halves and port in host byte order. */
struct peer_address {
	u64 high;
	u64 low;
	u16 port; /* 0: none */
	u16 unused[3];
};

/* A receive or send on an unconnected UDP socket. */
struct ring_datagram {
	struct ring_event event;
	struct peer_address peer;
};

/* A socket at first sight, or when it has changed sides (connect, listen). It comes before the event that made us look. */
struct ring_socket {
	struct ring_event event;	/* kind CALL_DESCRIBE */
	u64 inode;
	u64 peer_inode;
	u32 network_namespace;
	s32 peer_pid;
	u8 local[16];		/* IPv4 in the first 4 bytes; network byte order */
	u8 remote[16];
	u16 local_port;		/* host byte order */
	u16 remote_port;
	u16 family;		/* AF_*, or 0 for a pipe */
	u16 protocol;		/* IPPROTO_* */
	u8 role;		/* enum socket_role */
	u8 path_is_remote;	/* the path is that of the other end */
	u8 path_length;		/* of a unix socket, 0 where it has none; an abstract name begins with NUL */
	u8 unused;
	char path[108];
	u64 told_ns;		/* when this was found out: not before event.time_ns */
};

/* A process that was forked or executed a program. */
struct ring_process {
	struct ring_event event;	/* kind RECORD_PROCESS; pid is the process */
	u64 start_ns;		/* CLOCK_BOOTTIME */
	s32 parent_pid;
	u32 uid;
	u32 service;		/* as in the map of services */
	u32 executed;		/* 1 after exec, 0 after fork */
	char comm[16];
};

/* Counts per CPU. */
struct ring_counts {
	u64 lost;		/* the ring was full */
	u64 foreign;		/* calls of recorded 32-bit tasks, which are not read: their numbers mean other calls */
	u64 unmarked;		/* forks whose child got no storage: it and its children are missing */
};

/* Written before loading. */
struct recorder_config {
	u16 calls[512];		/* system call number to form << 8 | kind; 0 is not recorded */
	u8 wakes[512];		/* system call number to enum wake_means */
	u64 ring_mask;		/* slots of a ring, a power of two, less one */
	u32 rings;		/* how many there are */
	u8 casts;		/* the kernel has bpf_rdonly_cast (Linux 6.2) */
};

/* The beginning of a processor's ring; its slots follow. Each word has a cache line of its own: one is written here, one by the reader. */
struct ring {
	u64 produced;		/* slots that were taken so far */
	u64 unused[7];
	u64 consumed;		/* slots whose records were read */
	u64 unused2[7];
};

#define RING_SLOT 64
/* Slots behind the last: a record that begins there lies in one piece. */
#define RING_TAIL 3

/* The beginning of a record, which fills one to four slots; what is handed over follows. */
struct ring_slot {
	u32 slots;
	u32 position;		/* in slots since the beginning, the lower half; one more when the record is complete */
};

#endif
