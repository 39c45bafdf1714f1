/* SPDX-License-Identifier: GPL-2.0 */
/* Maps of admission. Those of the gates are the pinned ones: user space makes them the same before loading. */
#pragma once

/* For whom a thread works since `runtime`. */
struct admission_thread {
	__u64 runtime;
	__u64 charged_ns;		/* when its cell was charged last */
	__u32 cell;
	__u32 station;			/* of its process; 0: not known yet */
};

struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, struct admission_connection); } admission_connections SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, struct admission_call); } admission_calls SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_TASK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, struct admission_thread); } admission_threads SEC(".maps");
/* A virtual service at a service -> its cell. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, ADMISSION_CELLS); __type(key, struct account_key); __type(value, __u32); } admission_index SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, ADMISSION_CELLS); __type(key, __u32); __type(value, struct cell); } admission_cells SEC(".maps");
/* Process -> its station. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, ADMISSION_STATIONS); __type(key, __u32); __type(value, __u32); } admission_places SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, ADMISSION_STATIONS); __type(key, __u32); __type(value, struct station); } admission_stations SEC(".maps");
/* Front doors where connections are held -> the service that works for them. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, ADMISSION_STATIONS); __type(key, struct door_key); __type(value, __u32); } admission_doors SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 20); } admission_events SEC(".maps");
