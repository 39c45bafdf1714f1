/* SPDX-License-Identifier: GPL-2.0 */
/* What the waiting room and the programs that send calls there tell each other; WaitingTypes.cs has the same. */
#pragma once

/* A thread whose call waits for room. */
struct waiter {
	__u32 counter;			/* where its virtual service counts; what is above it may be what is full */
	__u32 kind;			/* enum limit_kind */
};
