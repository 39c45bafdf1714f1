/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel fields that only admission reads. */
#pragma once

enum { BPF_F_MMAPABLE = 1 << 10 };
enum { TCP_SYN_RECV = 3, TCP_FIN_WAIT1 = 4, TCP_LAST_ACK = 9 };
enum { SOL_SOCKET = 1, SO_RCVLOWAT = 18 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)


struct sk_buff { char cb[8]; };
struct tcp_sock { __u32 rcv_nxt; __u32 copied_seq; };
struct file___flags { unsigned int f_flags; };
struct bpf_iter__tcp { struct bpf_iter_meta *meta; struct sock_common *sk_common; };

#pragma clang attribute pop
