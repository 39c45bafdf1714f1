// SPDX-License-Identifier: GPL-2.0
/*
 * Stops who meets a limit, before the call does anything. A fork and the making of a socket end with ERESTARTNOINTR where a signal is pending (a fork by itself, a socket in the hook
 * of the gates), so a process that gets SIGSTOP as it enters the call stops with nothing done, and the kernel makes the call again when it is continued. User space decides
 * when that is. Only processes that work for one virtual service are stopped: never those of shared services, and nobody who is traced.
 */
#include "gates_kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "gates.h"
#include "gates_maps.h"
#include "limit_counts.h"
#include "limits.h"

char LICENSE[] SEC("license") = "GPL";

enum pid_type { PIDTYPE_PID, PIDTYPE_TGID };
extern int bpf_send_signal_task(struct task_struct *task, int sig, enum pid_type type, __u64 value) __ksym;

static __always_inline __u64 *queue_of(__u32 counter, __u32 kind)
{
	__u32 index = counter * LIMIT_KINDS + kind;

	return bpf_map_lookup_elem(&queues, &index);
}

/* User space ends some, too: who takes the entry away counts. */
static __always_inline void stop_ends(__u32 tgid, const struct stopped_call *call)
{
	__u64 *queue = queue_of(call->counter, call->kind);

	if (!bpf_map_delete_elem(&stopped_calls, &tgid) && queue)
		__sync_fetch_and_add(queue, (__u64)-1);
}

/* Where a call has to wait or to fail. Nobody overtakes those who wait already. */
static __noinline bool meets_limit(struct stopped_call *call, __u32 generation)
{
	struct counter_use *use;
	struct limit *limit;
	__u32 at = call->from, most;
	__u64 now, *queue;

	for (__u32 i = 0; i < MOST_LIMIT_LEVELS && at; i++) {
		use = bpf_map_lookup_elem(&counter_uses, &at);
		limit = bpf_map_lookup_elem(&limits, &at);
		queue = queue_of(at, call->kind);
		if (!use || !limit || !queue)
			return false;
		limit += generation & 1;
		most = call->kind == COUNT_SOCKETS ? most_of(limit, generation, COUNT_SOCKETS) : most_of(limit, generation, COUNT_PROCESSES);
		now = call->kind == COUNT_SOCKETS ? use->sockets : use->processes;
		if (most && limit->action == LIMIT_BEST_EFFORT && now >= most)
			return false; /* the limit that is met first decides */
		if (most && ((limit->action == LIMIT_BLOCK && (now >= most || *queue)) || (limit->action == LIMIT_ERRNO && call->kind == COUNT_PROCESSES && now >= most))) {
			call->counter = at;
			call->state = limit->action == LIMIT_BLOCK ? WAIT_ROOM : WAIT_ERRNO;
			call->error = limit->error;
			call->max_wait_ms = limit->max_wait_ms;
			if (call->kind == COUNT_SOCKETS)
				count_hit(use, COUNT_SOCKETS);
			else
				count_hit(use, COUNT_PROCESSES);
			return true;
		}
		at = counter_above(at);
	}
	return false;
}

/* Sockets: the hook of the gates lets it pass. Processes: they are counted when they are made. */
static __always_inline void let_through(struct task_tag *tag, __u32 kind)
{
	if (kind == COUNT_SOCKETS)
		tag->flags |= TAG_ASKED;
}

static __noinline bool wait_begins(struct task_struct *task, struct task_tag *tag, __u32 kind)
{
	__u32 generation = generation_now(), tgid = task->tgid;
	struct stopped_call call = { .tid = task->pid, .vs = tag->vs, .kind = kind, .since_ns = bpf_ktime_get_ns() };
	__u64 *queue;

	call.from = kind == COUNT_SOCKETS ? counter_of(tag->vs, generation, COUNT_SOCKETS) : counter_of(tag->vs, generation, COUNT_PROCESSES);
	if (!call.from)
		return false;
	if (!meets_limit(&call, generation)) {
		let_through(tag, kind);
		return false;
	}
	if (task->ptrace)
		return false;
	queue = queue_of(call.counter, kind);
	if (!queue || bpf_map_update_elem(&stopped_calls, &tgid, &call, BPF_NOEXIST))
		return false;
	__sync_fetch_and_add(queue, 1);
	return true;
}

static __always_inline void tell_enforcer(__u32 tgid)
{
	__u32 *told = bpf_ringbuf_reserve(&stops, 8, 0);

	if (!told)
		return; /* user space looks at all of them as long as there is one */
	told[0] = tgid;
	told[1] = 0;
	bpf_ringbuf_submit(told, BPF_RB_FORCE_WAKEUP);
}

static __always_inline bool is_open(const struct stop_control *guard)
{
	return !guard->closed && (__s64)(bpf_ktime_get_ns() - guard->beat_ns) <= STOP_BEAT_NS;
}

static __noinline void stop(struct task_struct *task, struct task_tag *tag, __u32 kind)
{
	struct stop_control *guard = bpf_map_lookup_elem(&stop_control, &zero);
	struct stopped_call *call;
	__u32 tgid = task->tgid;

	if (kind == COUNT_SOCKETS)
		tag->flags &= ~(TAG_ASKED | TAG_STOPS);
	if (!guard || !is_open(guard))
		return;
	call = bpf_map_lookup_elem(&stopped_calls, &tgid);
	if (call && call->state >= WAIT_OVER) {
		if (call->state == WAIT_OVER)
			let_through(tag, kind);
		if (kind == COUNT_SOCKETS && call->kind == COUNT_SOCKETS)
			stop_ends(tgid, call);
		return;
	}
	/* One that is continued by somebody else stops again and keeps its place. */
	if (!call && !wait_begins(task, tag, kind))
		return;
	if (kind == COUNT_SOCKETS)
		tag->flags |= TAG_STOPS;
	if (guard->closed || bpf_send_signal(SIGSTOP)) {
		tag->flags &= ~TAG_STOPS;
		call = bpf_map_lookup_elem(&stopped_calls, &tgid);
		if (call)
			stop_ends(tgid, call);
		return;
	}
	tell_enforcer(tgid);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_call, struct pt_regs *regs, long id)
{
	struct task_struct *task;
	struct task_tag *tag;
	int kind;

	if (!may_matter(id))
		return 0;
	task = bpf_get_current_task_btf();
	if (!task->bpf_storage)
		return 0;
	tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	/* What a process of a shared service makes, it makes for whoever comes. */
	if (!tag || tag->service || tag->vs <= VS_BEST_EFFORT)
		return 0;
	kind = what_is_made(task, regs, id);
	if (kind != NO_CALL)
		stop(task, tag, kind);
	return 0;
}

/*
 * Calls are watched near a limit only. User space is told when it comes near, and whoever takes the last place before calls are watched is stopped until they are: its fork is done, the next one
 * is not.
 */
static __noinline void comes_near(struct task_struct *task)
{
	struct stop_control *guard = bpf_map_lookup_elem(&stop_control, &zero);
	struct task_tag *tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	struct stopped_call call = { .tid = task->pid, .kind = COUNT_PROCESSES, .state = WAIT_WATCH };
	__u32 generation = generation_now(), tgid = task->tgid, at, most, margin;
	struct counter_use *use;
	struct limit *limit;
	bool near = false;
	__u64 *queue;

	if (!guard || guard->watched || !tag || tag->service || tag->vs <= VS_BEST_EFFORT || !is_open(guard))
		return;
	call.vs = tag->vs;
	at = call.from = counter_of(tag->vs, generation, COUNT_PROCESSES);
	for (__u32 i = 0; i < MOST_LIMIT_LEVELS && at; i++) {
		use = bpf_map_lookup_elem(&counter_uses, &at);
		limit = bpf_map_lookup_elem(&limits, &at);
		if (!use || !limit)
			return;
		limit += generation & 1;
		most = most_of(limit, generation, COUNT_PROCESSES);
		margin = most / NEAR_LIMIT;
		if (most && (limit->action == LIMIT_ERRNO || limit->action == LIMIT_BLOCK)) {
			near |= use->processes + (margin ? margin : 1) >= most;
			if (use->processes >= most && !call.counter)
				call.counter = at;
		}
		at = counter_above(at);
	}
	queue = queue_of(call.counter, COUNT_PROCESSES);
	if (call.counter && queue && !task->ptrace) {
		call.since_ns = bpf_ktime_get_ns();
		if (!bpf_map_update_elem(&stopped_calls, &tgid, &call, BPF_NOEXIST)) {
			__sync_fetch_and_add(queue, 1);
			if (guard->closed || bpf_send_signal(SIGSTOP))
				stop_ends(tgid, &call);
		}
	}
	if (near)
		tell_enforcer(tgid);
}

/* It went on, and made what it had to wait for. */
SEC("tp_btf/task_newtask")
int BPF_PROG(on_made, struct task_struct *child, __u64 clone_flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stopped_call *call;
	__u32 tgid = task->tgid;

	if (!task->bpf_storage || child->tgid == task->tgid)
		return 0;
	call = bpf_map_lookup_elem(&stopped_calls, &tgid);
	if (call && call->kind == COUNT_PROCESSES && (call->state == WAIT_OVER || call->state == WAIT_REFUSED))
		stop_ends(tgid, call);
	comes_near(task);
	return 0;
}

/* Whom somebody else stops while it is stopped here is not continued here either. */
SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int signal, void *info, struct task_struct *task, int group, int result)
{
	struct stopped_call *call;
	__u32 tgid;

	if (signal < SIGCONT || signal > SIGTTOU || task == bpf_get_current_task_btf())
		return 0;
	tgid = task->tgid;
	call = bpf_map_lookup_elem(&stopped_calls, &tgid);
	if (call)
		call->others = signal != SIGCONT;
	return 0;
}

/* Lets all go. It is pinned: reading the file runs it, which is all that the watchdog does. */
SEC("iter/task")
int free_stopped(struct bpf_iter__task *ctx)
{
	struct stop_control *guard = bpf_map_lookup_elem(&stop_control, &zero);
	struct task_struct *task = ctx->task;
	struct stopped_call *call;
	__u32 tgid;

	if (guard)
		__sync_lock_test_and_set(&guard->closed, 1);
	if (!task || task->pid != task->tgid)
		return 0;
	tgid = task->tgid;
	call = bpf_map_lookup_elem(&stopped_calls, &tgid);
	if (call && !call->others)
		bpf_send_signal_task(task, SIGCONT, PIDTYPE_TGID, 0);
	return 0;
}
