// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that meet a limit of 'onLimit: block' wait, inside the kernel, until there is room: a hook that may sleep asks for an extended attribute of a file that the
 * enforcer itself serves by FUSE, and the enforcer answers when there is room, first come, first served. The wait is FUSE's own: a signal ends it and the
 * call begins again, SIGKILL ends it for good, and when the enforcer dies the kernel answers for it. The file is the program that the process `door` runs, because
 * that is a file which a program here can get at.
 */
#include "gates_kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "gates.h"
#include "gates_maps.h"
#include "counters.h"
#include "waiting.h"

char LICENSE[] SEC("license") = "GPL";

extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern struct file *bpf_get_task_exe_file(struct task_struct *task) __ksym;
extern void bpf_put_file(struct file *file) __ksym;
extern int bpf_get_file_xattr(struct file *file, const char *name__str, struct bpf_dynptr *value) __ksym;

/* EINTR and EAGAIN are the room's words for "a signal came" and "waited too long"; the last two are the kernel's for "begin again once it is handled", as fork() and socket() use them. */
enum { INET = 2, INET6 = 10, INTERRUPTED = -4, TOO_LATE = -11, RESTART_SOCKET = -512, RESTART_FORK = -513 };

/* Process whose program is the file; 0: nobody waits, as before the room opens. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } door SEC(".maps");
/* By thread. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 131072); __type(key, __u32); __type(value, struct waiter); } waiters SEC(".maps");
/* By counter and kind, two each: how many wait because this one is full. Who comes meanwhile waits, too. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 2 * 16384); __type(key, __u32); __type(value, __u32); } queues SEC(".maps");
/* Where the attribute's value goes: nobody reads it. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } answers SEC(".maps");

/* The first counter on the way up whose limit says `block` and that is full or waited for; 0: none. */
static __always_inline __u32 full_one(__u32 counter, __u32 generation, enum limit_kind kind)
{
	for (__u32 i = 0; i < MOST_LIMIT_LEVELS && counter; i++) {
		struct counter_use *use = bpf_map_lookup_elem(&counter_uses, &counter);
		struct limit *limit = bpf_map_lookup_elem(&limits, &counter);
		__u32 at = 2 * counter + kind, most, *queue = bpf_map_lookup_elem(&queues, &at);

		if (!use || !limit || !queue)
			return 0;
		limit += generation & 1;
		most = most_of(limit, generation, kind);
		if (most && limit->action == LIMIT_BLOCK && (*queue || *count_in(use, kind) >= most)) {
			count_hit(use, kind);
			return counter;
		}
		counter = counter_above(counter);
	}
	return 0;
}

/* Asks the enforcer for room, and comes back with its answer; or with another error where it is gone. */
static __always_inline int ask(void)
{
	__u32 *who = bpf_map_lookup_elem(&door, &zero);
	__u64 *answer = bpf_map_lookup_elem(&answers, &zero);
	struct bpf_dynptr value;
	struct task_struct *task;
	struct file *file;
	int result = 0;

	if (!who || !*who || !answer)
		return 0;
	bpf_dynptr_from_mem(answer, sizeof(*answer), 0, &value);
	task = bpf_task_from_pid(*who);
	if (!task)
		return 0;
	file = bpf_get_task_exe_file(task);
	if (file) {
		result = bpf_get_file_xattr(file, "user.virtual-services.room", &value);
		bpf_put_file(file);
	}
	bpf_task_release(task);
	return result;
}

static __always_inline int wait_for_room(__u32 vs, enum limit_kind kind, int restart)
{
	__u32 generation = generation_now(), at, thread = (__u32)bpf_get_current_pid_tgid(), *queue;
	struct waiter me = { .counter = counter_of(vs, generation, kind), .kind = kind };
	int answer;

	at = full_one(me.counter, generation, kind);
	if (!at)
		return 0;
	at = 2 * at + kind;
	queue = bpf_map_lookup_elem(&queues, &at);
	if (!queue || bpf_map_update_elem(&waiters, &thread, &me, BPF_ANY))
		return 0;
	__sync_fetch_and_add(queue, 1);
	answer = ask();
	__sync_fetch_and_add(queue, (__u32)-1);
	bpf_map_delete_elem(&waiters, &thread);
	return answer == INTERRUPTED ? restart : answer == TOO_LATE ? TOO_LATE : 0;
}

SEC("lsm.s/task_alloc")
int BPF_PROG(on_fork_waits, struct task_struct *child, unsigned long clone_flags, int refused)
{
	struct task_tag *tag;

	if (refused || (clone_flags & CLONE_THREAD))
		return refused;
	tag = bpf_task_storage_get(&task_tags, bpf_get_current_task_btf(), 0, 0);
	return tag ? wait_for_room(vs_of_process(tag), COUNT_PROCESSES, RESTART_FORK) : 0;
}

SEC("lsm.s/socket_create")
int BPF_PROG(on_socket_waits, int family, int type, int protocol, int kernel, int refused)
{
	struct task_tag *tag;

	if (refused || kernel || (family != INET && family != INET6))
		return refused;
	tag = bpf_task_storage_get(&task_tags, bpf_get_current_task_btf(), 0, 0);
	return tag ? wait_for_room(tag->vs, COUNT_SOCKETS, RESTART_SOCKET) : 0;
}
