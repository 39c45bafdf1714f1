/* SPDX-License-Identifier: GPL-2.0 */
/* What the admission programs and user space share. Every struct is mirrored in src/Enforce/Admission/AdmissionTypes.cs. No holes. */
#pragma once

enum { ADMISSION_CELLS = 16384, ADMISSION_STATIONS = 4096 };
enum admission_event_kind { ADMISSION_OPENED = 1, ADMISSION_ARRIVED = 2, ADMISSION_RECEIVED = 3, ADMISSION_REPLIED = 4, ADMISSION_CLOSED = 5, ADMISSION_BLOCKS = 6 };
/* Also the number that no cell and no station has. */
enum { NO_CELL = 0, NO_STATION = 0 };
/* Added to a service's number: the cell of what is asked at front doors for which the service works. */
enum { AT_DOOR = 0x80000000 };

/* A front door where connections are held because the service behind it cannot be: a process, and a port at which it listens. */
struct door_key {
	__u32 process;
	__u32 port;
};

/* A virtual service at a service: counters by the kernel, the last four by user space. Mapped into the enforcer. */
struct cell {
	__u64 arrived;			/* turns whose first byte came */
	__u64 received;			/* turns that were read */
	__u64 replied;			/* turns that were answered */
	__u64 delay_ns;			/* sum of first byte to read */
	__u64 cpu_ns;			/* of the threads that served its turns, from read to read */
	__s64 waiting;			/* connections with bytes that were not read, held or not */
	__s64 in_service;		/* turns that were read and not answered */
	__s64 calls;			/* what the service asked others for it and was not answered */
	__u32 vs;
	__u32 service;
	__u32 wants;			/* 1: user space wants to know of each turn */
	__u32 held;
	__u32 admitted;
	__u32 held_waiting;
};

/* A process that serves turns. Mapped into the enforcer. */
struct station {
	__s64 in_service;
	__u64 idle_since;		/* nothing is in hand since; 0: something is */
	__u64 idle_ns;			/* sum of times with nothing in hand and nothing to be seen on any connection */
	__u64 released_ns;		/* user space let a connection with a request go last */
	__u32 hungry;			/* user space has room: an arrival shall wake it */
	__u32 blocks;			/* user space knows that its receives may wait: its own connections are never held */
	__u32 thread;			/* that received first */
	__u32 threads;			/* 1: another one received, too */
};

/* A connection that is accepted by a service whose requests are admitted, or by a front door of one. */
struct admission_connection {
	__u64 id;			/* socket cookie */
	__u64 arrived_ns;		/* first byte that was not read; 0: nothing is queued */
	__u64 received_ns;		/* the turn in hand began; 0: none */
	__u32 requester;		/* whom `cell` was found for, under the rules of `generation` */
	__u32 generation;
	__u32 cell;
	__u32 station;			/* of the turn in hand */
	__u32 turn_cell;		/* of the turn in hand */
	__u8 closed;
	__u8 blocks;			/* a receive on it was seen that may wait */
	__u8 door;			/* accepted by a front door: its cell is that of the front door's virtual service */
	__u8 pad;
};

/* A connection over which an admitted service asks others. */
struct admission_call {
	__u32 cell;			/* for whom it asked */
	__u32 asked;			/* 1: and was not answered */
};

struct admission_event {
	__u64 connection;		/* socket cookie */
	__u32 kind;
	__u32 cell;
};

/* Record of the iterator list_admission: one per process that holds the connection. */
struct admission_record {
	__u64 connection;
	__u32 tgid;
	__u32 fd;
	__u32 cell;
	__u32 blocks;			/* 1: receives on it may wait, so it must not be held */
	__u32 queued;			/* bytes that were not read */
	__u32 held;			/* SO_RCVLOWAT */
};
