/* SPDX-License-Identifier: GPL-2.0 */
/* What the network classifier and user space share. Every struct is mirrored in src/Enforce/Network/NetworkTypes.cs. No holes: padding is named. */
#pragma once

/* What left through governed devices, before it queued. */
struct network_use {
	__u64 bytes;
	__u64 packets;
	__u64 dropped;			/* datagrams of these: they would have filled a socket that others use, too */
};

/* Where the packets of a virtual service queue. */
struct network_class {
	__u32 minor;			/* 0: it has no class */
	__u32 millionths;		/* of the device: what it gets for certain */
};

/* A device that is, or should be, governed. Written by user space only. */
struct network_device_key {
	__u64 netns;			/* inode of its network namespace */
	__u32 index;
	__u32 pad;
};

struct network_device {
	__u64 bits_per_second;
	char name[16];
	char netns[256];		/* name or path that chose the namespace; empty: the enforcer's own */
	char refusal[480];		/* why it is not governed; empty where it is */
};
