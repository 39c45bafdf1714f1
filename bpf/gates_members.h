/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Members: which processes belong to front doors and services, found in the kernel when they start, so that their first call is charged right.
 * A cgroup counts with all that are below it. User space writes the selectors; ids of cgroups that are made later are added here.
 */
#pragma once

enum { MOST_LEVELS = 24 };

static __always_inline void consider(struct member *best, const struct member *found)
{
	if (!found)
		return;
	if (found->service && (!best->service || found->service_rank < best->service_rank)) {
		best->service = found->service;
		best->service_rank = found->service_rank;
		best->flags = found->flags;
	}
	if (found->vs && (!best->vs || found->vs_rank < best->vs_rank)) {
		best->vs = found->vs;
		best->vs_rank = found->vs_rank;
	}
}

static __always_inline void consider_key(struct member *best, __u32 generation, __u32 kind, __u64 value, __u64 more)
{
	struct member_key key = { .generation = generation, .kind = kind, .value = value, .more = more };

	consider(best, bpf_map_lookup_elem(&members, &key));
}

/* 0 in the unified hierarchy, 1 in that of the v1 cpu controller; others are not ours to read. Ids are unique within a hierarchy only. */
static __always_inline __u32 cgroup_kind(struct cgroup *group)
{
	return BPF_CORE_READ(group, root, hierarchy_id) == 0 ? BY_CGROUP : BY_CGROUP_V1;
}

/* Way up from a cgroup. */
struct ascent {
	struct member best;
	__u32 generation;
	__u32 kind;
	struct cgroup *group;
};

static long consider_level(__u64 level, void *data)
{
	struct ascent *at = data;
	struct cgroup *group = at->group;

	if (!group)
		return 1;
	consider_key(&at->best, at->generation, at->kind, BPF_CORE_READ(group, kn, id), 0);
	at->group = BPF_CORE_READ(group, self.parent, cgroup);
	return 0;
}

/* bpf_loop: the verifier looks at one level, not at 24. */
static __always_inline void consider_cgroup(struct member *best, __u32 generation, struct cgroup *group)
{
	struct ascent at = { .best = *best, .generation = generation, .kind = cgroup_kind(group), .group = group };

	bpf_loop(MOST_LEVELS, consider_level, &at, 0);
	*best = at.best;
}

static __always_inline struct cgroup *cpu_cgroup(struct task_struct *task)
{
	struct css_set *groups = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *state = NULL;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, cpu_cgrp_id))
		return NULL;
	bpf_core_read(&state, sizeof(state), &groups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id)]);
	return BPF_CORE_READ(state, cgroup);
}

static __noinline void consider_task(struct member *best, __u32 generation, struct task_struct *task)
{
	struct cgroup *unified = BPF_CORE_READ(task, cgroups, dfl_cgrp), *cpu = cpu_cgroup(task);

	consider_key(best, generation, BY_UID, BPF_CORE_READ(task, real_cred, uid.val), 0);
	consider_cgroup(best, generation, unified);
	if (cpu && cgroup_kind(cpu) == BY_CGROUP_V1)
		consider_cgroup(best, generation, cpu);
}

/* The same of the current task. Not static: the verifier looks at it once, and not at each call with all that is above it; half of what it did for the gates was these loops. */
__noinline int consider_current(struct member *best, __u32 generation)
{
	if (best)
		consider_task(best, generation, bpf_get_current_task_btf());
	return 0;
}

/* Gives a task the tag that its selectors ask for. What a gate or a person bound is newer knowledge and stays. */
static __noinline struct task_tag *join(struct task_struct *task, const struct member *wanted)
{
	struct task_tag *tag = bpf_task_storage_get(&task_tags, task, 0, 0);

	if (!wanted->service && !wanted->vs)
		return tag;
	/* Nor does a process that was made beyond a limit come back by another name. */
	if (tag && wanted->vs && stays_beyond(tag, wanted->vs))
		return tag;
	if (!tag) {
		tag = bpf_task_storage_get(&task_tags, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!tag)
			return NULL;
		open_accounts(task, tag);
		tag->vs = wanted->vs ? wanted->vs : VS_BEST_EFFORT;
	} else if (tag->gate == 0 && !tag->membership && wanted->vs && tag->vs != wanted->vs) {
		charge(task, tag, task->se.sum_exec_runtime);
		tag->vs = wanted->vs;
	} else {
		if (wanted->service)
			set_service(task, tag, wanted->service);
		return tag;
	}
	if (task->pid == task->tgid && counts_processes() && count_process(task->tgid, vs_of_process(tag), COUNT_MADE)) {
		tag->vs = VS_BEST_EFFORT;
		tag->flags |= TAG_BEYOND;
	}
	tag->bound_at = bpf_ktime_get_ns();
	tag->inherited_from = 0;
	if (wanted->service)
		set_service(task, tag, wanted->service);
	/* Gate 0: the mover looks where the process came from before it moves it. */
	tell_mover(task, VS_NONE, tag->vs, 0, BIND_PROCESS, tag->bound_at);
	return tag;
}

/* The tag of the current task; a stranger may have become a member since it started, by another user id or cgroup. */
static __always_inline struct task_tag *current_member(struct task_struct *task)
{
	struct task_tag *tag = bpf_task_storage_get(&task_tags, task, 0, 0);
	struct member wanted = {};

	if (tag && (tag->gate != 0 || tag->membership || tag->vs > VS_BEST_EFFORT))
		return tag;
	consider_current(&wanted, generation_now());
	return join(task, &wanted);
}

static __always_inline void tell(__u32 kind)
{
	struct news_event *event = bpf_ringbuf_reserve(&news, sizeof(*event), 0);

	if (!event)
		return;
	event->kind = kind;
	event->tgid = bpf_get_current_pid_tgid() >> 32;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *binary)
{
	struct control *now = bpf_map_lookup_elem(&control, &zero);
	struct member wanted = {};
	struct task_tag *tag, *parent;
	struct inode *inode;

	if (!now)
		return 0;
	inode = BPF_CORE_READ(binary, file, f_inode);
	consider_key(&wanted, now->generation, BY_EXE, BPF_CORE_READ(inode, i_ino), BPF_CORE_READ(inode, i_sb, s_dev));
	consider_current(&wanted, now->generation); /* the task is the current one */
	tag = join(task, &wanted);
	if (!tag && (now->flags & SCAN_ON_EXEC))
		tell(NEWS_EXEC);
	if (!tag || !tag->service || !has_gate(tag, now->generation, GATE_EXEC))
		return 0;
	parent = bpf_task_storage_get(&task_tags, task->real_parent, 0, 0);
	pass_gate(tag, NULL, &(struct passage) { now->generation, GATE_EXEC, 0, VS_NONE, parent ? parent->vs : VS_NONE });
	return 0;
}

/* A running process is put into a front door's cgroup. Its other threads are found by the scan. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_attach, struct cgroup *group, const char *path, struct task_struct *task, bool whole)
{
	struct member wanted = {};

	consider_cgroup(&wanted, generation_now(), group);
	if (!wanted.service && !wanted.vs)
		return 0;
	join(task, &wanted);
	/* A process may be put into a cgroup when it has ended and nobody has waited for it. */
	if (counts_processes())
		uncount_if_ended(task);
	tell(NEWS_EXEC);
	return 0;
}

/* systemd makes a unit's cgroup anew at each start: its new id is known before a process can be in it. */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_mkdir, struct cgroup *group, const char *path)
{
	struct member_name *name = bpf_map_lookup_elem(&member_scratch, &zero);
	struct member_key key = { .generation = generation_now() };
	struct member found = {};

	if (!name)
		return 0;
	key.kind = cgroup_kind(group);
	key.value = BPF_CORE_READ(group, kn, id);
	__builtin_memset(name, 0, sizeof(*name));
	name->generation = key.generation;
	name->kind = BY_CGROUP;
	bpf_probe_read_kernel_str(name->text, sizeof(name->text), path);
	consider(&found, bpf_map_lookup_elem(&member_names, name));
	__builtin_memset(name->text, 0, sizeof(name->text));
	name->kind = BY_UNIT;
	bpf_probe_read_kernel_str(name->text, sizeof(name->text), BPF_CORE_READ(group, kn, name));
	consider(&found, bpf_map_lookup_elem(&member_names, name));
	if (found.service || found.vs)
		bpf_map_update_elem(&members, &key, &found, BPF_ANY);
	return 0;
}

/* Ids are never used again: this only keeps the table small. */
SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_rmdir, struct cgroup *group, const char *path)
{
	struct member_key key = { .generation = generation_now(), .kind = cgroup_kind(group), .value = BPF_CORE_READ(group, kn, id) };

	bpf_map_delete_elem(&members, &key);
	return 0;
}
