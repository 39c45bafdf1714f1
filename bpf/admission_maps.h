/* SPDX-License-Identifier: GPL-2.0 */
/* Maps of admission. Those of the gates are the pinned ones: user space makes them the same before loading. */
#pragma once

struct admission_connection {
	__u64 id;			/* socket cookie */
	__u64 arrived_ns;		/* first byte that was not read; 0: nothing is queued */
	__u64 received_ns;		/* the turn in hand began; 0: none */
	__u32 service;
	__u32 vs;			/* 0: not known yet */
	__u32 door_vs;
	__u32 cell;
	__u32 station;
	__u16 closed;
	__u16 tell;
};

struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, struct admission_connection); } admission_connections SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 4096); __type(key, struct door_key); __type(value, struct door); } admission_doors SEC(".maps");
/* Who asks at which service -> cell of whom that is charged to: the rules, resolved. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, 2 * ADMISSION_CELLS); __type(key, struct account_key); __type(value, __u32); } admission_index SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, ADMISSION_CELLS); __type(key, __u32); __type(value, struct cell); } admission_cells SEC(".maps");
/* Process, or service with IN_FRONT, to the station's number. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(map_flags, BPF_F_NO_PREALLOC); __uint(max_entries, ADMISSION_STATIONS); __type(key, __u32); __type(value, __u32); } admission_places SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, ADMISSION_STATIONS); __type(key, __u32); __type(value, struct station); } admission_stations SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 20); } admission_events SEC(".maps");
