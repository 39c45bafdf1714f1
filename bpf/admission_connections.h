/* SPDX-License-Identifier: GPL-2.0 */
/* State of a connection that admission looks at. */
#pragma once

static __always_inline struct cell *cell_of(struct admission_connection *c)
{
	__u32 index = c->cell;

	return index ? bpf_map_lookup_elem(&admission_cells, &index) : NULL;
}

static __always_inline struct station *station_of(struct admission_connection *c)
{
	__u32 index = c->station;

	return index ? bpf_map_lookup_elem(&admission_stations, &index) : NULL;
}

static __always_inline void tell_admission(__u32 kind, struct admission_connection *c, __u64 now, __u64 wake)
{
	struct admission_event *event = bpf_ringbuf_reserve(&admission_events, sizeof(*event), 0);

	if (!event)
		return; /* user space looks at all connections when it sees none come */
	event->at_ns = now;
	event->connection = c->id;
	event->kind = kind;
	event->cell = c->cell;
	bpf_ringbuf_submit(event, wake);
}

/* Who asks on this connection: the front end's own virtual service, else what the gates know of the other end. */
static __always_inline void resolve(struct sock *sk, struct admission_connection *c)
{
	struct account_key key = { .vs = c->door_vs, .service = c->service };
	struct flow_key flow;
	struct sock_tag *mark;
	struct cell *after;
	__u32 *found;

	if (!key.vs) {
		mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
		if (mark && mark->role == ROLE_SERVER && mark->vs) {
			key.vs = mark->vs;
		} else {
			if (c->cell)
				return;
			flow_of(sk, false, &flow);
			found = bpf_map_lookup_elem(&flows, &flow);
			key.vs = found && *found ? *found : VS_BEST_EFFORT;
		}
	}
	found = bpf_map_lookup_elem(&admission_index, &key);
	if (!found || *found == c->cell)
		return;
	after = bpf_map_lookup_elem(&admission_cells, found);
	if (!after)
		return;
	/* Bytes that wait move along with the connection. */
	if (c->arrived_ns) {
		struct cell *before = cell_of(c);

		if (before)
			__sync_fetch_and_add(&before->waiting, -1);
		__sync_fetch_and_add(&after->waiting, 1);
	}
	c->vs = after->vs;
	c->cell = *found;
}

/* The state of a server-side connection that was accepted at a door; made on first sight. */
static __always_inline struct admission_connection *adopt(struct sock *sk)
{
	struct admission_connection *c;
	struct door_key key = {};
	struct door *door;

	local_address(sk, key.address);
	key.port = sk->__sk_common.skc_num;
	key.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	door = bpf_map_lookup_elem(&admission_doors, &key);
	if (!door) {
		__builtin_memset(key.address, 0, sizeof(key.address));
		door = bpf_map_lookup_elem(&admission_doors, &key);
	}
	if (!door)
		return NULL;
	c = bpf_sk_storage_get(&admission_connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!c)
		return NULL;
	c->id = bpf_get_socket_cookie(sk);
	c->service = door->service;
	c->door_vs = door->vs;
	c->tell = door->tell;
	resolve(sk, c);
	return c;
}

/* Station of the process that runs: its own, or that of the back end which its connections are admitted for. */
static __always_inline __u32 station_here(struct admission_connection *c)
{
	__u32 place = c->service & IN_FRONT ? c->service : (__u32)(bpf_get_current_pid_tgid() >> 32);
	__u32 *index = bpf_map_lookup_elem(&admission_places, &place);

	return index ? *index : NO_STATION;
}

static __always_inline void end_wait(struct admission_connection *c)
{
	struct cell *cell = cell_of(c);

	if (cell && c->arrived_ns)
		__sync_fetch_and_add(&cell->waiting, -1);
	c->arrived_ns = 0;
}

static __always_inline void begin_turn(struct admission_connection *c, __u64 now)
{
	struct station *at = station_of(c);
	struct cell *cell = cell_of(c);

	c->received_ns = now;
	if (cell) {
		__sync_fetch_and_add(&cell->received, 1);
		__sync_fetch_and_add(&cell->in_service, 1);
	}
	if (at && __sync_fetch_and_add(&at->in_service, 1) == 0 && at->idle_since) {
		__sync_fetch_and_add(&at->idle_ns, now - at->idle_since);
		at->idle_since = 0;
	}
}

/* True where the station has nothing more in hand. */
static __always_inline bool end_turn(struct admission_connection *c, __u64 now, bool answered)
{
	struct station *at = station_of(c);
	struct cell *cell = cell_of(c);
	bool idle = false;

	if (cell) {
		__sync_fetch_and_add(&cell->in_service, -1);
		if (answered) {
			__sync_fetch_and_add(&cell->replied, 1);
			__sync_fetch_and_add(&cell->service_ns, now - c->received_ns);
		}
	}
	c->received_ns = 0;
	if (at && __sync_fetch_and_add(&at->in_service, -1) == 1) {
		at->idle_since = now;
		idle = true;
	}
	return idle;
}

/* Charges what the thread did since the last call to whom it did it for. */
static __always_inline void charge_until(struct task_struct *task, struct task_tag *tag, __u64 now)
{
	struct account_key key = { .vs = tag->vs, .service = tag->service | CHARGED };
	__u64 runtime = runtime_now(task, tag, now), before = tag->runtime_bound;
	__u32 *index = bpf_map_lookup_elem(&admission_index, &key);
	struct cell *cell = index ? bpf_map_lookup_elem(&admission_cells, index) : NULL;

	if (cell && runtime > before)
		__sync_fetch_and_add(&cell->cpu_ns, runtime - before);
	charge(tag, task->tgid, runtime);
}

/* From here on the thread works for the requester of this connection. Inside one thread this is all that tells tenants apart. */
static __always_inline void account_turn(struct admission_connection *c, __u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_tag *tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	struct cell *cell;

	/* A front end is of another service: it works for its own virtual service anyway. */
	if (!tag || tag->service != c->service || !c->vs)
		return;
	if (tag->vs == c->vs)
		return;
	charge_until(task, tag, now);
	cell = cell_of(c);
	tag->vs = c->vs;
	tag->gate = cell ? cell->gate : 0;
	tag->bound_at = now;
	tag->flags |= TAG_OWN_THREAD;
}

/* Nothing in hand: the rest is work for nobody. */
static __always_inline void account_idle(__u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_tag *tag = bpf_task_storage_get(&task_tags, task, 0, 0);

	if (!tag || !tag->service || !(tag->flags & TAG_OWN_THREAD) || tag->vs == VS_BEST_EFFORT)
		return;
	charge_until(task, tag, now);
	tag->vs = VS_BEST_EFFORT;
	tag->gate = 0;
	tag->bound_at = now;
}
