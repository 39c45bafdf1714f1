/* A system call's number and arguments, as the processor's registers had them. */
#ifndef RECORDER_ARGUMENTS_H
#define RECORDER_ARGUMENTS_H

#include "kernel.h"

#define CALLS 512

static __always_inline u64 saved_argument(struct pt_regs *regs, int index)
{
#if defined(__TARGET_ARCH_x86)
	switch (index) {
	case 0:
		return regs->di;
	case 1:
		return regs->si;
	case 2:
		return regs->dx;
	case 3:
		return regs->r10;
	default:
		return regs->r8;
	}
#else
	/* The first register is overwritten by the result; orig_x0 keeps it. */
	return index == 0 ? regs->orig_x0 : regs->regs[index];
#endif
}

/* Not below CALLS where the task is not in a system call. */
static __always_inline u64 call_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#else
	return (u32)regs->syscallno;
#endif
}

/* 32-bit tasks number their calls differently: to read theirs as ours would invent events. */
static __always_inline bool is_foreign(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & 2; /* TS_COMPAT */
#else
	return task->thread_info.flags & (1 << 22); /* TIF_32BIT */
#endif
}

#endif
