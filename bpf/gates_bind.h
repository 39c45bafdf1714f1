/* SPDX-License-Identifier: GPL-2.0 */
/* What a gate does: find the rule of a call, choose a VS, bind what the rule says. */
#pragma once

static __always_inline bool alive(__u32 vs, __u32 generation)
{
	__u32 *in = bpf_map_lookup_elem(&vs_alive, &vs);

	return in && in[generation & 1] == generation;
}

static __noinline void learn_calls(struct task_tag *tag, __u32 generation)
{
	__u32 service = tag->service, found = 0;
	struct service_calls *calls = bpf_map_lookup_elem(&service_calls, &service);

	if (calls) {
		calls += generation & 1;
		if (calls->generation == generation)
			found = calls->calls;
	}
	tag->calls = found;
	/* A full barrier: user space may be giving it another service, and the later of the two must see the other. */
	__sync_lock_test_and_set(&tag->generation, generation);
	if (*(volatile __u32 *)&tag->service != service)
		tag->generation = 0;
}

/* Most calls pass no gate: the task's tag tells. */
static __always_inline bool has_gate(struct task_tag *tag, __u32 generation, __u32 call)
{
	if (tag->generation != generation)
		learn_calls(tag, generation);
	return tag->calls & (1 << call);
}

static __always_inline void set_service(struct task_struct *task, struct task_tag *tag, __u32 service)
{
	if (tag->service == service)
		return;
	charge(task, tag, task->se.sum_exec_runtime);
	tag->service = service;
	__sync_lock_test_and_set(&tag->generation, 0);
}

/* Where there is no room the enforcer's reconciliation finds the task. */
static __always_inline void tell_mover(struct task_struct *task, __u32 old, __u32 vs, __u32 gate, __u32 scope, __u64 now)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&rebinds, &cpu);
	struct rebind_event *event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event), 0) : NULL;

	if (!event)
		return;
	event->at_ns = now;
	event->tid = task->pid;
	event->tgid = task->tgid;
	event->old_vs = old;
	event->new_vs = vs;
	event->gate = gate;
	event->scope = scope;
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
}

/* Re-binds the thread for accounting: what it used so far goes to the VS before, unless it slept since, for then waking up was the new one's work. */
static __noinline void bind_request(struct task_struct *task, struct task_tag *tag, __u32 vs, __u32 gate)
{
	if (tag->vs != vs) {
		if (!(tag->flags & TAG_WOKEN))
			charge(task, tag, runtime_now(task));
		settle(tag);
		tag->vs = vs;
		tag->bound_at = bpf_ktime_get_ns();
		tag->inherited_from = 0;
	} else if (tag->gate != gate) {
		settle(tag);
	}
	tag->gate = gate;
	tag->flags = (tag->flags | TAG_OWN_THREAD | TAG_REQUEST) & ~(TAG_ANSWERED | TAG_WOKEN | TAG_BEYOND);
}

/* A service that binds requests turns to the one in hand on this connection, whatever it read last: it answers it, or takes it up again. */
static __always_inline void turns_to(struct task_struct *task, struct task_tag *tag, struct sock_tag *mark)
{
	if ((tag->flags & TAG_REQUEST) && !tag->membership && !(task->flags & PF_IO_WORKER))
		bind_request(task, tag, mark->vs ? mark->vs : VS_BEST_EFFORT, tag->gate);
}

/* A process counts for whom it is bound to. Beyond a limit it can be refused no more: it works for best effort, or counts above it. */
static __always_inline __u32 rebind_process(struct task_struct *task, struct task_tag *tag, __u32 vs, __u32 scope)
{
	if (scope == BIND_PROCESS)
		return count_process(task->tgid, vs, COUNT_MADE) ? VS_BEST_EFFORT : vs;
	if (!(tag->flags & TAG_THREAD))
		count_process(task->tgid, VS_NONE, COUNT_MADE);
	return vs;
}

/* False where it met a limit and works for best effort as before. */
static __noinline bool bind_task(struct task_struct *task, struct task_tag *tag, __u32 vs, struct rule *rule)
{
	__u64 now = bpf_ktime_get_ns();
	struct task_tag *leader;
	__u32 old = tag->vs;

	if (counts_processes())
		vs = rebind_process(task, tag, vs, rule->scope);
	if (vs == old)
		return false;
	charge(task, tag, runtime_now(task));
	tag->vs = vs;
	tag->flags &= ~TAG_BEYOND;
	tag->gate = rule->gate;
	tag->bound_at = now;
	tag->inherited_from = 0;
	if (rule->scope == BIND_THREAD) {
		tag->flags |= TAG_OWN_THREAD;
	} else if (tag->flags & TAG_THREAD) {
		leader = bpf_task_storage_get(&task_tags, task->group_leader, 0, 0);
		if (leader) {
			charge(task->group_leader, leader, BPF_CORE_READ(task, group_leader, se.sum_exec_runtime));
			leader->flags &= ~TAG_BEYOND;
			leader->gate = rule->gate;
			leader->bound_at = now;
			leader->inherited_from = 0;
			leader->vs = vs;
		}
	}
	tell_mover(task, old, vs, rule->gate, rule->scope, now);
	return true;
}

/* A call of a service's task, for which there is a rule. `mark` is the socket's, or NULL where the call has none. */
static __noinline void apply_rule(struct task_tag *tag, struct sock_tag *mark, struct rule *rule, __u32 requester, __u32 creator)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct gate_stats *count;
	bool rebinds;
	__u32 target, gate = rule->gate;

	count = bpf_map_lookup_elem(&gate_counts, &gate);
	if (!count)
		return;
	count->hits++;
	if (rule->classify == CLASSIFY_NAMED)
		target = rule->vs;
	else if (rule->classify == CLASSIFY_REQUESTER)
		target = requester;
	else if (rule->classify == CLASSIFY_CREATOR)
		target = alive(creator, generation_now()) ? creator : VS_NONE;
	else
		return;
	/* A worker of io_uring receives for a thread of its process, and nobody can tell for which. */
	if ((rule->scope == BIND_THREAD || rule->scope == BIND_REQUEST) && (task->flags & PF_IO_WORKER)) {
		count->unknown++;
		return;
	}
	/* Unknown work is never charged to somebody: best effort. */
	if (!target) {
		count->unknown++;
		target = VS_BEST_EFFORT;
	}
	if (rule->scope == BIND_CONNECTION) {
		if (mark && (mark->vs != target || !(mark->flags & MARK_BOUND))) {
			mark->vs = target;
			mark->flags |= MARK_BOUND;
			count->rebinds++;
		}
		return;
	}
	/* What a person assigned stays assigned. */
	if (tag->membership)
		return;
	/* Another thread may have re-bound the process since this one last left the processor. */
	if (rule->scope == BIND_PROCESS && follows_leader(tag))
		take_leaders(task, tag, runtime_now(task));
	rebinds = target != tag->vs;
	if (rule->scope == BIND_REQUEST)
		bind_request(task, tag, target, gate);
	else if (rebinds)
		rebinds = bind_task(task, tag, target, rule);
	if (rebinds) {
		count->rebinds++;
		count_rebind(tag);
	} else if (tag->flags & TAG_BEGINS) {
		tell_mover(task, tag->vs, tag->vs, gate, BIND_PROCESS, bpf_ktime_get_ns());
	}
	tag->flags &= ~TAG_BEGINS;
}

/* What is known of a call of the current task, of which a service has gates. */
struct passage {
	__u32 generation;
	__u32 call;
	__u32 endpoint;
	__u32 requester;
	__u32 creator;
};

static __noinline void pass_gate(struct task_tag *tag, struct sock_tag *mark, const struct passage *at)
{
	struct rule *rule = find_rule(at->generation, tag->service, at->call, at->endpoint, at->requester);

	if (rule)
		apply_rule(tag, mark, rule, at->requester, at->creator);
}

/* Looks the rule up, and keeps it with the connection. */
static __noinline void learn_rule(struct task_tag *tag, struct sock_tag *mark, __u32 generation, __u32 requester)
{
	struct rule *rule = find_rule(generation, tag->service, GATE_RECEIVE, mark->endpoint, requester);
	struct known_rule *known = &mark->known;

	known->generation = generation;
	known->service = tag->service;
	known->requester = requester;
	if (rule)
		known->rule = *rule;
	else
		known->rule.gate = 0;
}

/* True where the same was asked of the same connection last: then its rule is known. */
static __always_inline bool is_known(const struct sock_tag *mark, __u32 service, __u32 generation, __u32 requester)
{
	return mark->known.generation == generation && mark->known.service == service && mark->known.requester == requester;
}

/* Most requests: the task works for the one who asks already, bound by this same gate, and nothing but the hit is left to be counted. */
static __always_inline bool changes_nothing(const struct task_struct *task, const struct task_tag *tag, const struct rule *rule, __u32 requester)
{
	if (rule->classify != CLASSIFY_REQUESTER || !requester || requester != tag->vs || rule->gate != tag->gate)
		return false;
	if (rule->scope == BIND_PROCESS)
		return !follows_leader(tag);
	if (task->flags & PF_IO_WORKER)
		return false;
	return rule->scope == BIND_THREAD || (rule->scope == BIND_REQUEST && (tag->flags & TAG_REQUEST));
}

static __always_inline void apply_known(const struct task_struct *task, struct task_tag *tag, struct sock_tag *mark, __u32 requester)
{
	struct rule *rule = &mark->known.rule;

	if (!rule->gate)
		return;
	if (changes_nothing(task, tag, rule, requester)) {
		if (tag->flags & TAG_REQUEST)
			tag->flags &= ~(TAG_ANSWERED | TAG_WOKEN);
		__sync_fetch_and_add(&tag->hits, 1);
	} else {
		apply_rule(tag, mark, rule, requester, mark->creator);
	}
}
