/* What is kept of recorded threads and of sockets, and what is counted. */
#ifndef RECORDER_STATE_H
#define RECORDER_STATE_H

#include "session.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* A socket, pipe or eventfd as a descriptor leads to it. Pointers are only ever read with bpf_probe_read_kernel: they may be stale. */
struct found_socket {
	u64 id;
	u64 inode;
	struct sock *sk; /* 0 for a pipe or eventfd */
	u16 protocol;	 /* IPPROTO_* */
	u16 is_eventfd;
};

/* A power of two. Ids are counted up, so an event loop's connections have places of their own. */
#define KNOWN_SOCKETS 64

/* State of a recorded thread. */
struct recorded_task {
	u64 enter_ns;
	u64 last_ns; /* level sockets: time of its last transfer */
	u64 marked_ns;
	struct found_socket socket; /* of the call under way */
	struct found_socket second; /* splice: where the bytes go; dup2: what is closed */
	u64 known[KNOWN_SOCKETS]; /* ids of sockets that were described, each in the place of its last bits: spares a look-up per call */
	u64 pointer;   /* user memory that the call's form tells of */
	struct peer_address peer; /* level sockets: the other end of the datagram under way; port 0 for none */
	u32 service;
	s32 fd;
	s32 second_fd;
	u8 kind; /* of the call under way, CALL_NONE for none */
	u8 form;
	u8 second_kind;
	u8 fresh; /* marked while perhaps inside a call */
};

/* Both ends of a TCP connection inside one network namespace. */
struct address_pair {
	u8 from[16];
	u8 to[16];
	u32 network_namespace;
	u16 from_port;
	u16 to_port;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct recorded_task);
} tasks SEC(".maps");

static __always_inline bool knows(struct recorded_task *state, u64 id)
{
	return state->known[id % KNOWN_SOCKETS] == id;
}

static __always_inline void know(struct recorded_task *state, u64 id)
{
	state->known[id % KNOWN_SOCKETS] = id;
}

static __always_inline void forget(struct recorded_task *state, u64 id)
{
	state->known[id % KNOWN_SOCKETS] = 0;
}

#define PF_EXITING 0x4

/* A power of two. */
#define PLACES 4096

/*
 * Most threads have their state in the place of their id's last bits: to find it takes a few instructions, while to find storage takes
 * calls within calls, whose returns no processor with return thunks foresees. A thread whose place is another's has it in its storage. A
 * place is taken before anything is recorded of its thread, and left when the thread ends.
 */
struct place {
	u64 started_ns; /* of the thread, CLOCK_BOOTTIME; 0 until the state is ready */
	s32 tid;	/* 0 for nobody's */
	u32 unused;
	struct recorded_task state;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PLACES);
	__type(key, u32);
	__type(value, struct place);
} places SEC(".maps");

/* Which places are taken, by whom: adding to it decides between two that want the same at once. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PLACES);
	__type(key, u32);
	__type(value, s32);
} taken SEC(".maps");

/* The verifier makes instructions of the look-up, no call. */
static __always_inline struct place *place_of(s32 tid)
{
	u32 index = (u32)tid % PLACES;

	return bpf_map_lookup_elem(&places, &index);
}

static __noinline void leave_place(s32 tid)
{
	struct place *place = place_of(tid);
	u32 index = (u32)tid % PLACES;

	if (!place || place->tid != tid)
		return;
	place->started_ns = 0;
	place->tid = 0;
	bpf_map_delete_elem(&taken, &index);
}

/* For a thread that is recorded from now on; perhaps inside a call where it was marked. Nothing is done where the place is another's. */
static __noinline void take_place(struct task_struct *task, u32 service, u64 marked_ns)
{
	struct place *place = place_of(task->pid);
	s32 tid = task->pid;
	u32 index = (u32)tid % PLACES;

	if (!place || bpf_map_update_elem(&taken, &index, &tid, BPF_NOEXIST))
		return;
	__builtin_memset(&place->state, 0, sizeof(place->state));
	place->state.service = service;
	place->state.marked_ns = marked_ns;
	place->state.fresh = marked_ns != 0;
	place->tid = tid;
	barrier();
	place->started_ns = task->start_boottime;
	/* One that is ending may have left before. */
	if (task->flags & PF_EXITING)
		leave_place(tid);
}

/* State of a task that is recorded, else 0. A stranger mostly has no storage of any program, and leaves at once. */
static __always_inline struct recorded_task *recorded(struct task_struct *task)
{
	struct place *place;

	if (!task->bpf_storage)
		return 0;
	place = place_of(task->pid);
	if (place && place->tid == task->pid && place->started_ns == task->start_boottime)
		return &place->state;
	return bpf_task_storage_get(&tasks, task, 0, 0);
}

/* Process id to service: what mark_tasks marks; where it has marked something new it says so with the top bit. */
#define SERVICE_MARKED (1U << 31)
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, u32);
} services SEC(".maps");

/* Sockets that were described. Where it forgets one, that one is described again, which does no harm. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, u8);
} seen SEC(".maps");

/* What is kept with a socket itself. All but the process is for level sockets. */
struct socket_note {
	u64 id;		/* that its events carry; 0 before the first */
	u64 made_ns;	/* when connect was called, or a listener made the connection */
	u32 process;	/* that connects: while the connection is being made its port is not known yet */
	u32 thread;	/* that connects, 0 where it is not recorded */
	u8 passive;	/* it was made by a listener */
	u8 told;	/* that it was accepted or connected; nothing is to be told of sockets that were there before */
	u8 unused[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket_note);
} notes SEC(".maps");

/* Level sockets: inodes of the unix sockets that were there before. Its size is set before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, u8);
} existing SEC(".maps");

/* Which process made the client's end: a connection whose client is not recorded gets its peer from here. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct address_pair);
	__type(value, u32);
} clients SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct ring_counts);
} counts SEC(".maps");

const volatile struct recorder_config config = {};

/* The kernel's operations of an eventfd, by which one is told from other files; learn_eventfd finds them. */
u64 eventfd_operations = 0;

#define COUNT(field)                                                                    \
	static __always_inline void count_##field(void)                                 \
	{                                                                               \
		u32 zero = 0;                                                           \
		struct ring_counts *mine = bpf_map_lookup_elem(&counts, &zero);         \
		if (mine)                                                               \
			mine->field++;                                                  \
	}
COUNT(lost)
COUNT(foreign)
COUNT(unmarked)

#endif
