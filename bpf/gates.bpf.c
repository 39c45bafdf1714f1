// SPDX-License-Identifier: GPL-2.0
/*
 * The gates: tasks and sockets carry their virtual service, and a task that receives a request is re-bound synchronously.
 * Only tracepoints and iterators: fentry, kprobes and LSM hooks are refused on some hosts. Strangers leave after one storage lookup.
 */
#include "gates_kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "gates.h"
#include "gates_maps.h"
#include "gates_addresses.h"
#include "gates_clock.h"
#include "gates_accounts.h"
#include "gates_requests.h"
#include "gates_rules.h"
#include "gates_limits.h"
#include "gates_bind.h"
#include "gates_members.h"
#include "gates_flows.h"

extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

char LICENSE[] SEC("license") = "GPL";

#include "gates_processes.h"
#include "gates_sockets.h"
#include "gates_receive.h"
#include "gates_send.h"
#include "skb_kernel.h"
#include "gates_names.h"
#include "gates_iterators.h"
