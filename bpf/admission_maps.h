/* SPDX-License-Identifier: GPL-2.0 */
/* Maps of admission. Those of the gates are the pinned ones: user space makes them the same before loading. */
#pragma once

/* A connection that is accepted by a service whose requests are admitted. */
struct admission_connection {
	__u64 id;			/* socket cookie */
	__u64 arrived_ns;		/* first byte that was not read; 0: nothing is queued */
	__u64 received_ns;		/* the turn in hand began; 0: none */
	__u32 requester;		/* whom `cell` was found for, under the rules of `generation` */
	__u32 generation;
	__u32 cell;
	__u32 station;			/* of the turn in hand */
	__u32 turn_cell;		/* of the turn in hand */
	__u16 closed;
	__u16 blocks;			/* a receive on it was seen that may wait */
};

/* For whom a thread works since `runtime`. */
struct admission_thread {
	__u64 runtime;
	__u64 charged_ns;		/* when its cell was charged last */
	__u32 cell;
	__u32 station;			/* of its process; 0: not known yet */
};

struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, struct admission_connection); } admission_connections SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_TASK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, struct admission_thread); } admission_threads SEC(".maps");
/* A virtual service at a service -> its cell. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, ADMISSION_CELLS); __type(key, struct account_key); __type(value, __u32); } admission_index SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, ADMISSION_CELLS); __type(key, __u32); __type(value, struct cell); } admission_cells SEC(".maps");
/* Process -> its station. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, ADMISSION_STATIONS); __type(key, __u32); __type(value, __u32); } admission_places SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, ADMISSION_STATIONS); __type(key, __u32); __type(value, struct station); } admission_stations SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 20); } admission_events SEC(".maps");
