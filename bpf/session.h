/*
 * What the recorder hands to user space through its ring buffer. C# declares the same structs (src/Discover/Recording/RingRecords.cs);
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
	CALL_DESCRIBE = 11,
	CALL_LISTEN = 12,
	/* Not an event: a process for the inventory. */
	RECORD_PROCESS = 100,
};

/* How a system call's arguments are to be read: the upper half of an entry of the call table; the lower half is its kind. */
enum call_form {
	FORM_PLAIN = 0,		/* the descriptor is the first argument */
	FORM_FLAGS3 = 1,	/* the third argument holds MSG_* flags */
	FORM_FLAGS4 = 2,	/* the fourth argument holds MSG_* flags */
	FORM_MANY_SENT = 3,	/* sendmmsg: the result counts messages; bytes stand in the second argument's array */
	FORM_MANY_RECEIVED = 4,	/* recvmmsg: the same, with flags in the fourth */
	FORM_REPLACES = 5,	/* dup2, dup3: the second argument is a descriptor that is closed */
};

enum socket_role {
	ROLE_UNKNOWN = 0,
	ROLE_SERVER = 1,
	ROLE_CLIENT = 2,
	ROLE_LISTENER = 3,
};

/* Top bit of a socket id that is an inode number. */
#define SOCKET_INODE_FLAG (1ULL << 63)

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
	s32 child;		/* fork: thread id of the child */
	s32 child_pid;		/* fork: process id of the child */
	u8 kind;		/* enum call_kind */
	u8 unused[3];
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
	u64 events;		/* handed over */
	u64 lost;		/* the ring was full */
	u64 foreign;		/* calls of recorded 32-bit tasks, which are not read: their numbers mean other calls */
	u64 unmarked;		/* forks whose child got no storage: it and its children are missing */
};

/* Written before loading. */
struct recorder_config {
	u8 calls[512];		/* system call number to form << 4 | kind; 0 is not recorded */
};

#endif
