/* SPDX-License-Identifier: GPL-2.0 */
/* State of a connection that admission looks at. */
#pragma once

enum { CHARGE_STEP_NS = 5000000 };

static __always_inline struct cell *cell_at(__u32 index)
{
	return index ? bpf_map_lookup_elem(&admission_cells, &index) : NULL;
}

static __always_inline struct station *station_of(struct admission_connection *c)
{
	__u32 index = c->station;

	return index ? bpf_map_lookup_elem(&admission_stations, &index) : NULL;
}

static __always_inline void tell_admission(__u32 kind, struct admission_connection *c, __u64 wake)
{
	struct admission_event *event = bpf_ringbuf_reserve(&admission_events, sizeof(*event), 0);

	if (!event)
		return; /* user space looks at all connections twice a second */
	event->connection = c->id;
	event->kind = kind;
	event->cell = c->cell;
	bpf_ringbuf_submit(event, wake);
}

/* Who asked last on this connection: on a pooled one the sender marks a change before its bytes leave. */
static __always_inline __u32 asks_last(struct sock *sk, struct sock_tag *mark)
{
	__u32 *changes;
	struct flow_key key;
	struct flow *flow;

	if ((mark->flags & (MARK_LOCAL | MARK_BOUND)) != MARK_LOCAL) {
		__u32 generation = generation_now(), vs = mark->vs;

		if ((mark->flags & MARK_BOUND) || !mark->name_state || has_name(mark, generation, &vs))
			return vs;
		flow_of(sk, false, &key);
		return client_network(key.client, generation);
	}
	changes = changes_of(__builtin_bswap16(sk->__sk_common.skc_dport));
	if ((mark->flags & MARK_SETTLED) && changes && *changes == mark->changes)
		return mark->vs; /* nothing changed since the last read */
	flow_of(sk, false, &key);
	flow = bpf_map_lookup_elem(&flows, &key);
	return flow ? flow_now(flow) : mark->vs;
}

/* The cell of whom the gate says that the requester's turns are for; none where no gate binds requests here. */
static __always_inline __u32 cell_for(struct sock_tag *mark, __u32 requester, __u32 generation)
{
	struct rule *rule = find_rule(generation, mark->service, GATE_RECEIVE, mark->endpoint, requester);
	struct account_key of = { .service = mark->service };
	__u32 *found;

	if (!rule || rule->scope != BIND_REQUEST)
		return NO_CELL;
	if (rule->classify == CLASSIFY_NAMED)
		of.vs = rule->vs;
	else if (rule->classify == CLASSIFY_REQUESTER)
		of.vs = requester ? requester : VS_BEST_EFFORT;
	else
		return NO_CELL;
	found = bpf_map_lookup_elem(&admission_index, &of);
	return found ? *found : NO_CELL;
}

/* Finds the cell of whoever asks now. Bytes that wait move along. */
static __always_inline void resolve(struct sock_tag *mark, struct admission_connection *c, __u32 requester)
{
	__u32 generation = generation_now(), index;
	struct cell *cell;

	if (c->requester == requester && c->generation == generation)
		return;
	index = cell_for(mark, requester, generation);
	if (index != c->cell && c->arrived_ns) {
		cell = cell_at(c->cell);
		if (cell)
			__sync_fetch_and_add(&cell->waiting, -1);
		cell = cell_at(index);
		if (cell)
			__sync_fetch_and_add(&cell->waiting, 1);
	}
	c->requester = requester;
	c->generation = generation;
	c->cell = index;
}

/* The state of a server-side connection of an admitted service; made on first sight. */
static __always_inline struct admission_connection *adopt(struct sock *sk)
{
	struct sock_tag *mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	struct account_key of = { .vs = VS_BEST_EFFORT };
	struct admission_connection *c;

	if (!mark || mark->role != ROLE_SERVER || !mark->service)
		return NULL;
	/* Each service that is admitted has a cell for best effort. */
	of.service = mark->service;
	if (!bpf_map_lookup_elem(&admission_index, &of))
		return NULL;
	c = bpf_sk_storage_get(&admission_connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!c)
		return NULL;
	c->id = bpf_get_socket_cookie(sk);
	resolve(mark, c, asks_last(sk, mark));
	return c;
}

/* The cell of a front door's virtual service. It changes where the process is assigned to another. */
static __always_inline void resolve_door(struct admission_connection *c, const struct task_tag *tag, __u32 service)
{
	struct account_key of = { .vs = tag->vs, .service = service | AT_DOOR };
	struct cell *cell;
	__u32 *found;

	if (c->door && c->requester == tag->vs)
		return;
	found = bpf_map_lookup_elem(&admission_index, &of);
	if (c->arrived_ns) {
		cell = cell_at(c->cell);
		if (cell)
			__sync_fetch_and_add(&cell->waiting, -1);
		cell = found ? cell_at(*found) : NULL;
		if (cell)
			__sync_fetch_and_add(&cell->waiting, 1);
	}
	c->door = 1;
	c->requester = tag->vs;
	c->cell = found ? *found : NO_CELL;
}

/* The state of a connection that a front door accepted, told by the port at which it listens; made on first sight. NULL where nothing is held there. */
static __always_inline struct admission_connection *adopt_at_door(struct sock *sk, struct task_struct *task)
{
	struct door_key at = { .process = task->tgid, .port = sk->__sk_common.skc_num };
	struct admission_connection *c;
	struct flow_key key;
	struct task_tag *tag;
	struct flow *flow;
	__u32 *service;

	if (!task->bpf_storage || !is_tcp(sk))
		return NULL;
	service = bpf_map_lookup_elem(&admission_doors, &at);
	if (!service)
		return NULL;
	tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	if (!tag || tag->service)
		return NULL;
	/* What the virtual service asks of itself is part of a request that was let in already. */
	flow_of(sk, false, &key);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow && flow_now(flow) == tag->vs)
		return NULL;
	c = bpf_sk_storage_get(&admission_connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!c)
		return NULL;
	c->id = bpf_get_socket_cookie(sk);
	resolve_door(c, tag, *service);
	return c;
}

/* The state of the thread that runs; made on first sight. */
static __always_inline struct admission_thread *thread_here(struct task_struct *task)
{
	struct admission_thread *thread = bpf_task_storage_get(&admission_threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u32 process = task->tgid, *index;

	if (thread && !thread->station) {
		index = bpf_map_lookup_elem(&admission_places, &process);
		if (index)
			thread->station = *index;
	}
	return thread;
}

static __always_inline void end_wait(struct admission_connection *c)
{
	struct cell *cell = cell_at(c->cell);

	if (cell && c->arrived_ns)
		__sync_fetch_and_add(&cell->waiting, -1);
	c->arrived_ns = 0;
}

/* A request can be seen from when its first byte comes, or from when its connection is let go: until then the process had nothing to do. */
static __always_inline void end_idle(struct station *at, __u64 arrived, __u64 now)
{
	__u64 since = at->idle_since, seen = arrived;

	if (!since)
		return;
	at->idle_since = 0;
	if (seen <= since && at->blocks)
		return; /* it waited in the queue, and was there to be seen */
	if (seen <= since)
		seen = at->released_ns;
	if (seen > now)
		seen = now;
	if (seen > since)
		__sync_fetch_and_add(&at->idle_ns, seen - since);
}

static __always_inline void begin_turn(struct admission_connection *c, __u32 station, __u64 arrived, __u64 now)
{
	struct cell *cell = cell_at(c->cell);
	struct station *at;

	c->station = station;
	c->turn_cell = c->cell;
	c->received_ns = now;
	at = station_of(c);
	if (cell) {
		__sync_fetch_and_add(&cell->received, 1);
		__sync_fetch_and_add(&cell->in_service, 1);
	}
	if (at && __sync_fetch_and_add(&at->in_service, 1) == 0)
		end_idle(at, arrived, now);
}

/* True where the station has nothing more in hand. */
static __always_inline bool end_turn(struct admission_connection *c, __u64 now, bool answered)
{
	struct station *at = station_of(c);
	struct cell *cell = cell_at(c->turn_cell);

	if (cell) {
		__sync_fetch_and_add(&cell->in_service, -1);
		if (answered)
			__sync_fetch_and_add(&cell->replied, 1);
	}
	c->received_ns = 0;
	if (!at || __sync_fetch_and_add(&at->in_service, -1) != 1)
		return false;
	at->idle_since = now;
	return true;
}

/* What the thread ran since the last call was for whom it worked then; from here on it works for `cell`. */
static __always_inline void account_turn(struct task_struct *task, struct admission_thread *thread, __u32 cell, __u64 now)
{
	struct cell *before;
	__u64 runtime;

	/* Who is asked by one alone is charged every few milliseconds: user space compares what all used. */
	if (thread->cell == cell && now - thread->charged_ns < CHARGE_STEP_NS)
		return;
	thread->charged_ns = now;
	runtime = runtime_now(task);
	before = cell_at(thread->cell);
	if (before && runtime > thread->runtime)
		__sync_fetch_and_add(&before->cpu_ns, runtime - thread->runtime);
	thread->runtime = runtime;
	thread->cell = cell;
}

/* Nothing was read where a turn is in hand: the thread works on that turn again. */
static __noinline void account_again(struct sock *sk, struct task_struct *task)
{
	struct admission_connection *c = bpf_sk_storage_get(&admission_connections, sk, 0, 0);
	struct admission_thread *thread;

	if (!c || c->door || !c->received_ns || c->closed)
		return;
	thread = thread_here(task);
	if (thread)
		account_turn(task, thread, c->turn_cell, bpf_ktime_get_ns());
}

/* An admitted service asks somebody: while it waits for the answer the turn is not waiting inside it. */
static __noinline void begin_call(struct sock *sk)
{
	struct sock_tag *mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	struct account_key of = { .vs = VS_BEST_EFFORT };
	struct admission_call *call;
	struct cell *cell;
	__u32 *found;

	if (!mark || mark->role != ROLE_CLIENT || !mark->service)
		return;
	of.service = mark->service;
	found = bpf_map_lookup_elem(&admission_index, &of);
	if (!found)
		return;
	call = bpf_sk_storage_get(&admission_calls, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!call || call->asked)
		return;
	call->cell = *found;
	if (mark->vs) {
		of.vs = mark->vs;
		found = bpf_map_lookup_elem(&admission_index, &of);
		if (found)
			call->cell = *found;
	}
	cell = cell_at(call->cell);
	if (!cell)
		return;
	call->asked = 1;
	__sync_fetch_and_add(&cell->calls, 1);
}

static __always_inline void end_call(struct sock *sk)
{
	struct admission_call *call = bpf_sk_storage_get(&admission_calls, sk, 0, 0);
	struct cell *cell;

	if (!call || !call->asked)
		return;
	call->asked = 0;
	cell = cell_at(call->cell);
	if (cell)
		__sync_fetch_and_add(&cell->calls, -1);
}
