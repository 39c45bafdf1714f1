/* SPDX-License-Identifier: GPL-2.0 */
/* Whom tasks and sockets work for: made by the gates, read by all other programs. */
#pragma once

struct { __uint(type, BPF_MAP_TYPE_TASK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, struct task_tag); } task_tags SEC(".maps");
/* A listener's tag is cloned into the sockets that it accepts, in the kernel, before anybody can receive from them. */
struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE); __type(key, int); __type(value, struct sock_tag); } sock_tags SEC(".maps");
