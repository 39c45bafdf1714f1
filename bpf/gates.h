/* SPDX-License-Identifier: GPL-2.0 */
/* What the gates and user space share. Every struct is mirrored in src/Enforce/Kernel/KernelTypes.cs. No holes: padding is named. */
#pragma once

enum { VS_NONE = 0, VS_BEST_EFFORT = 1 };
/* In place of a gate in a rebind_event: nothing was re-bound yet. */
enum { MOVE_AHEAD = 0xffffffff };
enum classification { CLASSIFY_REQUESTER = 0, CLASSIFY_CREATOR = 1, CLASSIFY_KEEP = 2, CLASSIFY_NAMED = 3 };
enum bind_scope { BIND_PROCESS = 0, BIND_THREAD = 1, BIND_CONNECTION = 2, BIND_REQUEST = 3 };
enum gate_call { GATE_RECEIVE = 1, GATE_ACCEPT = 2, GATE_SEND = 3, GATE_CONNECT = 4, GATE_FORK = 5, GATE_EXEC = 6, GATE_SOCKET = 7 };
/* 0: made, but not used yet */
enum sock_role { ROLE_CLIENT = 1, ROLE_LISTENER = 2, ROLE_SERVER = 3 };
enum tag_flags {
	TAG_OWN_THREAD = 1,		/* does not follow the leader of its process */
	TAG_REQUEST = 4,		/* re-bound with each request, never moved between cgroups */
	TAG_ANSWERED = 8,		/* the answer to the request that it worked for was begun */
	TAG_WOKEN = 16,			/* slept since the last call: the time since then is the next requester's */
	TAG_SENDER = 32,		/* `sender` is that of the datagram being received */
	TAG_THREAD = 64,		/* not the leader of its process, when the tag was made */
	TAG_BEGINS = 256,		/* forked by a process that takes connections and is nobody's: it is beside that one until it is asked something */
	TAG_BEYOND = 512,		/* made beyond a limit of processes: best effort's until it ends, with its children */
	TAG_LISTENS = 128,		/* began to listen, or held a listening socket when the gates came: connections of all come to it */
};
enum mark_flags {
	MARK_BOUND = 1,			/* a gate bound the connection: its VS changes by gates only */
	MARK_USED = 2,			/* the accept gate acted */
	MARK_ASKING = 4,		/* client: sent since it last received; unix server: told bytes may wait unread */
	MARK_MIXED = 8,			/* bytes of several VSs are under way: nobody knows whose come first */
	MARK_TOLD = 16,			/* unix server: `vs` was told by the sender, not guessed from the process that connected */
	MARK_LOCAL = 32,		/* server: the client is on this host */
	MARK_ASKED = 64,		/* server: a request has come in and no answer has gone out yet */
	MARK_SETTLED = 128,		/* server: all bytes from here on are for `vs`, as long as the flow does not change after `changes` */
};
/* How many changes of VS on a connection, and how many waiting unix datagrams, are remembered. */
enum { FLOW_MARKS = 8, DATAGRAM_MARKS = 64 };
/* Connections are spread over so many counters of changes. */
enum { FLOW_CHANGES = 2048 };
enum news_kind { NEWS_EXEC = 1, NEWS_LISTEN = 2, NEWS_RELEASE = 3 };
/* Who decides for whom a task works: rules and gates, or a person (vs assign), for the task itself or for the one that made it. */
enum membership { MEMBER_BY_RULES = 0, MEMBER_ASSIGNED = 1, MEMBER_OF_ASSIGNED = 2, MEMBER_RELEASED = 3 };
/* What an assignment does to a task that has a tag. RELEASE hands an assigned task back to the rules, REMOVE takes the tag of a released one away. */
enum assignment_force { FORCE_NONE = 0, FORCE_RULES = 1, FORCE_EXPLICIT = 2, FORCE_RELEASE = 3, FORCE_REMOVE = 4 };
/* An endpoint that belongs to a governed listener but that no gate names. */
enum { ENDPOINT_OTHER = 0xffffffff };

/* How a process is found to be a member: what the key's value is. The last one is a name only. */
enum selected { BY_CGROUP = 1, BY_CGROUP_V1 = 2, BY_UID = 3, BY_EXE = 4, BY_UNIT = 5 };
enum control_flags {
	SCAN_ON_EXEC = 1,
	COUNTS_PROCESSES = 4,		/* some virtual service has a limit of processes */
	WHOLE_PROCESSES = 2,		/* no rule set since the start binds threads or requests or has a gate on send: what a thread does need not be told apart from what its process does */
};

/* What user space sets as a whole: one entry. Changing the generation swaps the rule set. */
struct control {
	__u32 generation;
	__u32 flags;
	__u64 since_ns;			/* CLOCK_MONOTONIC: first start of this enforcement */
};

/*
 * Who a task works for, and its accounts. All runtimes are values of the task's sum_exec_runtime, in ns. What each switch and each call needs comes first: one cache line,
 * so what is counted at each call is counted here and goes to the maps when the task is charged.
 */
struct task_tag {
	__u32 service;			/* 0: none */
	__u32 vs;
	__u32 flags;
	__u32 gate;			/* that bound it last; 0: front door or first scan */
	__u32 calls;			/* those of its service in the rule set `generation`, as in service_calls */
	__u32 generation;
	__u32 requests;			/* of `vs`, not yet in an account */
	__u32 hits;			/* of `gate`, not yet in gate_counts */
	__u64 runtime_fed;		/* up to here the share feedback knows of it */
	__u64 runtime_bound;		/* up to here it has been charged to accounts */
	__u32 membership;
	__u32 inherited_from;		/* process that it got its VS from by a fork; 0: it was bound itself */
	__u64 bound_at;			/* CLOCK_MONOTONIC ns */
	__u64 runtime_tagged;		/* when the tag was made */
	__u64 started;			/* start of the process: with the pid it names the process for good */
	__u64 delay_bound;		/* run_delay, ns that the task was ready to run and did not: up to here it has been charged to accounts */
	__u8 sender[16];		/* of the datagram being received, if TAG_SENDER */
	__u32 sender_port;
	__u32 pad;
};

/* A process is a member by its cgroup's id (any ancestor), its real user id, or the inode and device of its executable. */
struct member_key {
	__u64 value;
	__u64 more;			/* device of the executable, as the kernel encodes it; else 0 */
	__u32 kind;
	__u32 generation;
};

/* Path of a cgroup, or name of a unit: looked up when a cgroup is made. */
struct member_name {
	__u32 kind;
	__u32 generation;
	char text[248];			/* rest zero */
};

/* What a member becomes. Of several, the lowest rank wins, for service and VS each. */
struct member {
	__u32 service;			/* 0: none */
	__u32 service_rank;
	__u32 vs;			/* 0: none */
	__u32 vs_rank;
	__u32 flags;			/* of its task tag, by its service */
	__u32 pad;
};

struct rule {
	__u32 classify;
	__u32 vs;
	__u32 scope;
	__u32 gate;			/* 0: there is no rule */
};

/* The rule of the last receive on a connection: most ask for the same again. */
struct known_rule {
	__u32 generation;
	__u32 service;
	__u32 requester;
	struct rule rule;
};

/* What each call needs comes first: the kernel begins a storage at a cache line, eight bytes before this. */
struct sock_tag {
	__u32 role;
	__u32 flags;
	__u32 vs;			/* client: that of the task which connected; server: the requester's */
	__u32 told;			/* client: VS that the flow has */
	__u32 generation;
	__u32 changes;			/* server: value of flow_changes when it was settled */
	struct known_rule known;	/* server */
	__u32 service;			/* of the listener */
	__u32 endpoint;			/* of the rule set `generation` */
	__u32 creator;			/* VS of the task that made it; an accepted one has its listener's */
	__u64 counted;			/* address of the socket that is counted: not that of a clone of its listener's tag */
	__u32 counted_in;		/* counter */
	__u32 named;			/* server: VS of the name that the last turn asked for. These four are written when a packet arrives, by nobody else */
	__u32 name_state;		/* enum name_state, and NAME_TLS */
	__u32 name_generation;		/* rule set in which it was found */
	__u32 name_from;		/* sequence number of the turn's first byte; NAME_CUT: of the extension where to go on */
	__u32 pad;
};

/*
 * What is under way between two sockets of this host, written by the client's side before the bytes leave. A mark is VS << 32 | sequence number of
 * its first byte: on a pooled connection each request is found by where its bytes are in the stream, however late they are read.
 */
struct flow {
	__u32 vs;			/* before the first mark; datagrams: now */
	__u32 marks_made;
	__u32 sent;			/* datagrams */
	__u32 received;			/* datagrams */
	__u32 changed;			/* datagrams that were sent before the VS changed last */
	__u32 reader;			/* process that a gate re-binds when the VS changes; 0: none known */
	__u64 marks[FLOW_MARKS];
};

/* Who sent the datagrams that wait at a unix socket, in order: the kernel neither drops nor reorders them. */
struct datagram_marks {
	__u32 sent;
	__u32 received;
	__u32 vs[DATAGRAM_MARKS];
};

/* Bits of service_calls beside those of calls: some gate of the service binds single requests, or single threads. */
enum { BINDS_REQUESTS = 0, BINDS_THREADS = 8 };

/* Calls at which a service has gates, one bit each (1 << gate_call), in the rule set `generation`. */
struct service_calls {
	__u32 generation;
	__u32 calls;
};

/* What the packets of a connection say of the name that is asked for. */
enum name_state {
	NAME_NONE = 0,			/* nothing yet */
	NAME_KNOWN = 1,			/* it is that of `named` */
	NAME_OTHER = 2,			/* it is nobody's, or cannot be seen */
	NAME_MIXED = 3,			/* turns that are not answered ask for several */
	NAME_CUT = 4,			/* a hello goes on in the next packet */
	NAME_KINDS = 7,			/* mask of the above */
	NAME_TLS = 8,			/* there was a hello: what follows is encrypted, and is for the same name */
};
/* Index of name_counts: turns that began with a name of a virtual service, with one that no rule has, and without one that can be seen. */
enum { NAMES_KNOWN = 0, NAMES_WITHOUT_RULE = 1, NAMES_UNSEEN = 2, NAMES_KINDS = 3 };
enum { NAME_BYTES = 128 };

/* A host name backwards, for a trie: a whole name with the zero byte after it; *.name as its end, dot included, and no zero byte. */
struct name_key {
	__u32 bits;			/* 32 + those of the text */
	__u32 generation;
	char text[NAME_BYTES];
};

/* A network of clients, for a trie: the generation is the start of what is compared. */
struct client_key {
	__u32 bits;			/* 32 + those of the address in IPv6 form */
	__u32 generation;
	__u8 address[16];
};

/* Both addresses in IPv6 form (IPv4 mapped), ports in host order. */
struct flow_key {
	__u8 client[16];
	__u8 server[16];
	__u16 client_port;
	__u16 server_port;
	__u32 netns;
	__u32 protocol;
};

struct inet_key {
	__u8 address[16];		/* all zero: any address */
	__u16 port;
	__u16 protocol;			/* IPPROTO_TCP or IPPROTO_UDP */
	__u32 generation;
};

struct listener_key {
	__u8 address[16];		/* all zero: any address */
	__u32 port;
	__u32 netns;
};

struct unix_key {
	__u32 generation;
	char path[108];			/* as in sockaddr_un, rest zero */
};

struct rule_key {
	__u32 generation;
	__u32 service;
	__u32 call;
	__u32 endpoint;			/* 0: any */
	__u32 requester;		/* 0: any */
};

struct gate_stats {
	__u64 hits;
	__u64 rebinds;
	__u64 unknown;
};

struct account_key {
	__u32 vs;
	__u32 service;
};

/* What a VS used in one service, per processor. */
struct account {
	__u64 cpu_ns;
	__u64 wait_ns;			/* ready to run, but the processor was another's */
	__u64 requests;
	__u64 unknown;			/* requests whose requester is not known */
	__u64 rebinds;			/* to this VS, by gates of this service */
};

/* Per processor: CLOCK_MONOTONIC less the run queue's clock, ns. The latter is as new as the last switch, wake-up or tick: the least difference is the nearest to the truth. */
struct clock_offset {
	__u64 window;			/* of the run queue's clock: the two may drift */
	__u64 least;			/* signed; in this window */
	__u64 least_before;		/* signed; in the one before */
};

/* What the rules say of a VS, for readers in other processes. Key: generation << 32 | VS. 0: not set. */
struct vs_share {
	__u32 parent;
	__u32 cpu_weight;
	__u32 cpu_max_milli;		/* thousandths of a CPU */
	__u32 network_weight;
	__u64 network_assured;		/* bits per second */
	__u64 network_max;
	__u32 processes;		/* limit */
	__u32 sockets;			/* limit */
};

/* What is counted. */
enum limit_kind { COUNT_SOCKETS = 0, COUNT_PROCESSES = 1 };
/* What happens to a socket or a process for which there is no room. */
enum limit_action { LIMIT_COUNT = 0, LIMIT_ERRNO = 1, LIMIT_BEST_EFFORT = 2, LIMIT_BLOCK = 3 };

/* A counter's limits in the rule set `generation`. */
struct limit {
	__u32 generation;
	__u32 sockets;			/* 0: no limit */
	__u32 processes;		/* 0: no limit */
	__u32 action;			/* enum limit_action */
	__u32 error;
};

/* Where a virtual service's sockets and processes are counted in the rule set `generation`; 0: nowhere. */
struct vs_counter {
	__u32 generation;
	__u32 sockets;
	__u32 processes;
};

/* Counters outlive rule sets; one stands for a virtual service at a place in the hierarchy, so what is above it never changes. */
struct counter_use {
	__u64 sockets;			/* now, with those of all below */
	__u64 socket_hits;		/* calls that met the limit */
	__u64 processes;
	__u64 process_hits;
};

struct process_key {
	__u64 started;
	__u32 tgid;
	__u32 vs;
};

struct process_account {
	__u64 cpu_ns;
	__u32 service;
	__u32 pad;
};

struct rebind_event {
	__u64 at_ns;
	__u32 tid;
	__u32 tgid;
	__u32 old_vs;
	__u32 new_vs;
	__u32 gate;
	__u32 scope;
};

struct news_event {
	__u32 kind;
	__u32 tgid;
};

/* What user space wants a process to be; read by the iterator assign_tags. */
struct assignment {
	__u32 service;
	__u32 vs;
	__u32 force;			/* enum assignment_force */
	__u32 gate;
};

/* Record of the iterator list_tasks. */
struct task_record {
	__u32 tid;
	__u32 tgid;
	__u32 parent;
	__u32 service;
	__u32 vs;
	__u32 gate;
	__u32 flags;
	__u32 membership;
	__u32 inherited_from;
	__u32 pad;
	__u64 started;
	__u64 bound_at;
	__u32 requests_open;		/* not yet in an account */
	__u32 hits_open;		/* not yet in gate_counts */
	__u64 wait_open;		/* ns not yet charged to an account */
	__u64 cpu_open;			/* ns not yet charged to an account */
	__u64 cpu_total;		/* ns since the tag was made */
	__u64 cgroup_v2;		/* id of its cgroup in the unified hierarchy */
	__u64 cgroup_cpu;		/* id of its cgroup where the cpu controller is */
	char comm[16];
};

/* Record of the iterator list_servers: a process and a server-side connection that it holds. */
struct server_record {
	__u32 tgid;
	__u32 service;
	__u32 requester;
	__u32 endpoint;
	__u64 socket;			/* kernel address as an identity, never dereferenced */
};

/* Record of the iterator list_connections: one per process that holds the connection. */
struct connection_record {
	__u32 role;
	__u32 service;
	__u32 vs;
	__u32 endpoint;
	__u32 tgid;			/* the holder, and its descriptor */
	__u32 fd;
	__u64 socket;			/* kernel address as an identity, never dereferenced */
};
