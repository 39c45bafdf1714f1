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

/*
 * User space ends some, too: who takes the entry away counts. Another thread may have stopped the process a moment ago, counting on the entry that is gone now: that is taken back, for nobody would have
 * it go on.
 */
static __always_inline void stop_ends(struct task_struct *task, const struct stopped_call *call)
{
	__u64 *queue = queue_of(call->counter, call->kind);
	__u32 tgid = task->tgid, others = call->others;

	bpf_map_delete_elem(&decisions, &tgid);
	if (!bpf_map_delete_elem(&stopped_calls, &tgid) && queue)
		__sync_fetch_and_add(queue, (__u64)-1);
	if (others != SIGSTOP && BPF_CORE_READ(task, signal, nr_threads) > 1)
		bpf_send_signal_thread(SIGCONT);
}

/* True where user space has decided: its call is made again, and then it is refused where it has waited long enough. */
static __always_inline bool is_over(__u32 tgid, const struct stopped_call *call, bool *refused)
{
	__u64 *decision = bpf_map_lookup_elem(&decisions, &tgid);

	if (!decision || *decision >> 1 != call->since_ns)
		return false;
	*refused = *decision & DECISION_REFUSED;
	return true;
}

/*
 * Since when threads wait that were stopped as they entered a call, by their numbers. Who has to wait again, because another thread of its process was quicker, does not begin anew. The lowest bit says
 * that its hit is counted.
 */
enum { HIT_COUNTED = 1 };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 65536); __type(key, __u32); __type(value, __u64); } waiting_threads SEC(".maps");

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

/* A process has one entry, whichever of its threads made it: the others wait with that one, and meet the limit for themselves when they go on. */
static __noinline bool has_to_wait(struct task_struct *task, struct task_tag *tag, __u32 kind)
{
	__u32 generation = generation_now(), tgid = task->tgid, tid = task->pid;
	struct stopped_call call = { .tid = tid, .vs = tag->vs, .kind = kind };
	struct counter_use *use;
	__u64 *queue, *since, waits;

	call.from = kind == COUNT_SOCKETS ? counter_of(tag->vs, generation, COUNT_SOCKETS) : counter_of(tag->vs, generation, COUNT_PROCESSES);
	if (!call.from)
		return false;
	if (!meets_limit(&call, generation)) {
		let_through(tag, kind);
		return false;
	}
	since = bpf_map_lookup_elem(&waiting_threads, &tid);
	/* Left by a thread that had its number before, and whose end nobody saw. */
	waits = since && *since >= task->start_time ? *since : bpf_ktime_get_ns() & ~(__u64)HIT_COUNTED;
	call.since_ns = waits;
	queue = queue_of(call.counter, kind);
	use = bpf_map_lookup_elem(&counter_uses, &call.counter);
	if (!queue || !use)
		return false;
	if (bpf_map_update_elem(&stopped_calls, &tgid, &call, BPF_NOEXIST))
		return bpf_map_lookup_elem(&stopped_calls, &tgid); /* else the table is full */
	__sync_fetch_and_add(queue, 1);
	if (waits & HIT_COUNTED)
		return true;
	waits |= HIT_COUNTED;
	bpf_map_update_elem(&waiting_threads, &tid, &waits, BPF_ANY);
	if (kind == COUNT_SOCKETS)
		count_hit(use, COUNT_SOCKETS);
	else
		count_hit(use, COUNT_PROCESSES);
	return true;
}

static __always_inline void tell_enforcer(__u32 tgid)
{
	__u32 *told = bpf_ringbuf_reserve(&stops, 8, 0);

	if (!told)
		return; /* user space looks at all of them now and then as long as there is one */
	told[0] = tgid;
	told[1] = 0;
	bpf_ringbuf_submit(told, BPF_RB_FORCE_WAKEUP);
}

static __always_inline bool is_open(const struct stop_control *guard)
{
	return !guard->closed && (__s64)(bpf_ktime_get_ns() - guard->beat_ns) <= STOP_BEAT_NS;
}

/*
 * The thread stops as it leaves the kernel, and all others of its process with it. The signal is the thread's own: one for the process would be dropped where another thread has sent itself one
 * just now, and nothing would have the kernel make the call again. Who let all go meanwhile may have come before the signal: it is taken back.
 */
static __noinline bool send_stop(struct task_struct *task, const struct stop_control *guard)
{
	struct stopped_call lost = { .tid = task->pid, .state = WAIT_WATCH, .kind = COUNT_PROCESSES, .since_ns = bpf_ktime_get_ns() };
	__u32 tgid = task->tgid;
	struct stopped_call *call;
	__u64 *queue;

	if (bpf_send_signal_thread(SIGSTOP))
		return false;
	call = bpf_map_lookup_elem(&stopped_calls, &tgid);
	if (call)
		__sync_fetch_and_add(&call->stops, 1);
	if ((guard->closed || !call) && bpf_send_signal_thread(SIGCONT) && !call) {
		/* The enforcer has it go on. */
		queue = queue_of(0, COUNT_PROCESSES);
		if (queue && !bpf_map_update_elem(&stopped_calls, &tgid, &lost, BPF_NOEXIST))
			__sync_fetch_and_add(queue, 1);
	}
	tell_enforcer(tgid);
	return true;
}

static __noinline void stop(struct task_struct *task, struct task_tag *tag, __u32 kind)
{
	struct stop_control *guard = bpf_map_lookup_elem(&stop_control, &zero);
	struct stopped_call *call;
	__u32 tgid = task->tgid, tid = task->pid;
	__u64 now = bpf_ktime_get_ns() & ~(__u64)HIT_COUNTED;
	bool own, over, refused = false;

	if (!guard || !is_open(guard)) {
		bpf_map_delete_elem(&waiting_threads, &tid);
		return;
	}
	call = bpf_map_lookup_elem(&stopped_calls, &tgid);
	own = call && call->tid == tid;
	over = call && is_over(tgid, call, &refused);
	/* It runs: what the terminal sent was handled, or it went on from it. */
	if (call && call->others > SIGSTOP && !(BPF_CORE_READ(task, signal, shared_pending.signal.sig[0]) & (1ul << (call->others - 1))))
		call->others = 0;
	if (task->ptrace) {
		/* Who is traced is stopped by its tracer only. */
		bpf_map_delete_elem(&waiting_threads, &tid);
		if (own)
			stop_ends(task, call);
		return;
	}
	if (own && over && call->kind == kind) {
		bpf_map_delete_elem(&waiting_threads, &tid);
		if (!refused)
			let_through(tag, kind);
		if (kind == COUNT_SOCKETS)
			stop_ends(task, call);
		return;
	}
	/* A handler of a signal makes something else. */
	if (own && over)
		stop_ends(task, call);
	/* One that is continued by somebody else stops again and keeps its place. Beside a thread that goes on the others meet the limit. */
	if ((!call || over) && !has_to_wait(task, tag, kind)) {
		bpf_map_delete_elem(&waiting_threads, &tid);
		return;
	}
	bpf_map_update_elem(&waiting_threads, &tid, &now, BPF_NOEXIST);
	if (kind == COUNT_SOCKETS)
		tag->flags |= TAG_STOPS;
	if (send_stop(task, guard))
		return;
	tag->flags &= ~TAG_STOPS;
	bpf_map_delete_elem(&waiting_threads, &tid);
	call = bpf_map_lookup_elem(&stopped_calls, &tgid);
	if (call && call->tid == tid)
		stop_ends(task, call);
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
	if (!tag)
		return 0;
	/* Left by a call that failed before it came to the hook. */
	if (tag->flags & (TAG_ASKED | TAG_STOPS))
		tag->flags &= ~(TAG_ASKED | TAG_STOPS);
	/* What a process of a shared service makes, it makes for whoever comes. */
	if (tag->service || tag->vs <= VS_BEST_EFFORT)
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
			if (!send_stop(task, guard))
				stop_ends(task, &call);
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
	bool refused;

	if (!task->bpf_storage || child->tgid == task->tgid)
		return 0;
	call = bpf_map_lookup_elem(&stopped_calls, &tgid);
	if (call && call->tid == (__u32)task->pid && call->kind == COUNT_PROCESSES && is_over(tgid, call, &refused))
		stop_ends(task, call);
	comes_near(task);
	return 0;
}

/* Who ends waits no longer. As long as there is an entry, its number is that process's. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_end, struct task_struct *task)
{
	__u32 tgid = task->tgid, tid = task->pid;
	struct stopped_call *call;

	if (!task->bpf_storage)
		return 0;
	bpf_map_delete_elem(&waiting_threads, &tid);
	if (BPF_CORE_READ(task, signal, live.counter))
		return 0;
	call = bpf_map_lookup_elem(&stopped_calls, &tgid);
	if (call)
		stop_ends(task, call);
	return 0;
}

static __always_inline bool comes_from_tracer(struct task_struct *task)
{
	return task->ptrace && task->parent->tgid == bpf_get_current_task_btf()->tgid;
}

/*
 * Whom somebody else stops while it is stopped here is not continued for good: user space leaves it stopped (SIGSTOP) or sends the signal again, which its program may ignore or handle. Not meant: our own
 * signal and the one by which a tracer attaches, both of which the kernel sends, what a tracer does with it, and what comes to nothing.
 */
SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int signal, __u64 info, struct task_struct *task, int group, int result)
{
	struct stopped_call *call;
	__u32 tgid;

	if (signal < SIGCONT || signal > SIGTTOU || info == SEND_SIG_PRIV)
		return 0;
	if (signal != SIGCONT && (result == SIGNAL_IGNORED || comes_from_tracer(task)))
		return 0;
	tgid = task->tgid;
	call = bpf_map_lookup_elem(&stopped_calls, &tgid);
	if (call && (signal != SIGCONT || call->others))
		call->others = signal == SIGCONT ? 0 : call->others == SIGSTOP ? SIGSTOP : signal;
	return 0;
}

/* Lets all go. It is pinned: reading the file runs it, which is all that the watchdog does. */
SEC("iter/task")
int free_stopped(struct bpf_iter__task *ctx)
{
	struct stop_control *guard = bpf_map_lookup_elem(&stop_control, &zero);
	struct task_struct *task = ctx->task;
	struct stopped_call *call;
	__u32 tgid, others;

	if (guard)
		__sync_lock_test_and_set(&guard->closed, 1);
	if (!task || task->pid != task->tgid)
		return 0;
	tgid = task->tgid;
	call = bpf_map_lookup_elem(&stopped_calls, &tgid);
	if (!call || call->others == SIGSTOP)
		return 0;
	others = call->others;
	bpf_send_signal_task(task, SIGCONT, PIDTYPE_TGID, 0);
	if (others)
		bpf_send_signal_task(task, others, PIDTYPE_TGID, 0);
	return 0;
}
