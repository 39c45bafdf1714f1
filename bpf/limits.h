/* SPDX-License-Identifier: GPL-2.0 */
/* Which calls make a process or an internet socket. */
#pragma once

enum { NO_CALL = -1, SIGCONT = 18, SIGTTOU = 22, CLONE_THREAD = 0x10000 };
/* Of the tracepoint signal_generate: the sender that is the kernel itself, and a signal that comes to nothing. */
enum { SEND_SIG_PRIV = 1, SIGNAL_IGNORED = 1 };

#if defined(__TARGET_ARCH_x86)
/* Numbers of 64-bit programs, of 32-bit ones, and the bit that x32 programs add. */
enum {
	CALL_SOCKET = 41, CALL_CLONE = 56, CALL_FORK = 57, CALL_VFORK = 58, CALL_CLONE3 = 435,
	CALL32_FORK = 2, CALL32_CLONE = 120, CALL32_VFORK = 190, CALL32_SOCKET = 359,
	CALL_X32 = 0x40000000, TS_COMPAT = 2,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct pt_regs { unsigned long bx, di; };
struct thread_info { __u32 status; };
struct task_struct___called { struct thread_info thread_info; };
#pragma clang attribute pop

/* Every call of the machine comes here. */
static __always_inline bool may_matter(long id)
{
	switch (id & ~CALL_X32) {
	case CALL_SOCKET:
	case CALL_CLONE:
	case CALL_FORK:
	case CALL_VFORK:
	case CALL_CLONE3:
	case CALL32_FORK:
	case CALL32_CLONE:
	case CALL32_VFORK:
	case CALL32_SOCKET:
		return true;
	}
	return false;
}

/* What a call makes: enum limit_kind, or NO_CALL. Flags of clone3 are read from the caller's memory; where they cannot be, it is taken for a new process. */
static __always_inline int what_is_made(struct task_struct *task, const struct pt_regs *regs, long id)
{
	bool compat = ((struct task_struct___called *)task)->thread_info.status & TS_COMPAT;
	__u64 argument = compat ? (__u32)regs->bx : regs->di, flags = 0;

	id &= ~CALL_X32;
	if (id == (compat ? CALL32_SOCKET : CALL_SOCKET))
		return (__u32)argument == AF_INET || (__u32)argument == AF_INET6 ? COUNT_SOCKETS : NO_CALL;
	if (id == (compat ? CALL32_FORK : CALL_FORK) || id == (compat ? CALL32_VFORK : CALL_VFORK))
		return COUNT_PROCESSES;
	if (id == CALL_CLONE3)
		bpf_probe_read_user(&flags, sizeof(flags), (void *)argument);
	else if (id == (compat ? CALL32_CLONE : CALL_CLONE))
		flags = argument;
	else
		return NO_CALL;
	return flags & CLONE_THREAD ? NO_CALL : COUNT_PROCESSES;
}
#else
/* Their numbers, their arguments and how an errno is written for them are of the architecture: the enforcer refuses such limits. */
struct pt_regs;
static __always_inline bool may_matter(long id) { return false; }
static __always_inline int what_is_made(struct task_struct *task, const struct pt_regs *regs, long id) { return NO_CALL; }
#endif
