// SPDX-License-Identifier: GPL-2.0
/* A program that does nothing, where the receive gate is: what the kernel measures for it is the measuring itself. */
#include "gates_kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/sock_recv_length")
int BPF_PROG(nothing, struct sock *sk, int ret, int flags)
{
	return 0;
}
