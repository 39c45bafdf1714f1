/* From descriptor to socket, what is known of a socket, and who made its other end. */
#ifndef RECORDER_SOCKETS_H
#define RECORDER_SOCKETS_H

/* A socket or pipe as a descriptor leads to it. Pointers are only ever read with bpf_probe_read_kernel: they may be stale. */
struct found_socket {
	u64 id;
	u64 inode;
	struct sock *sk; /* 0 for a pipe */
};

/* State of a recorded thread. */
struct recorded_task {
	u64 enter_ns;
	u64 marked_ns;
	struct found_socket socket;
	u64 described; /* id of the socket described last: spares a look-up per call */
	u64 vector;
	u32 service;
	s32 fd;
	u8 kind; /* of the call under way, CALL_NONE for none */
	u8 fresh; /* marked while perhaps inside a call */
};

/* Both ends of a TCP connection inside one network namespace. */
struct address_pair {
	u8 from[16];
	u8 to[16];
	u32 network_namespace;
	u16 from_port;
	u16 to_port;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct recorded_task);
} tasks SEC(".maps");

/* Process id to service: what mark_tasks marks. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, u32);
} services SEC(".maps");

/* Sockets that were described. Where it forgets one, that one is described again, which does no harm. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, u8);
} seen SEC(".maps");

/* Which process connects, until the connection is there: while it is being made its port is not known yet. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u32);
} connectors SEC(".maps");

/* Which process made the client's end: a connection whose client is not recorded gets its peer from here. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct address_pair);
	__type(value, u32);
} clients SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct ring_counts);
} counts SEC(".maps");

/* Its size is set before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ring SEC(".maps");

#define COUNT(field)                                                                    \
	static __always_inline void count_##field(void)                                 \
	{                                                                               \
		u32 zero = 0;                                                           \
		struct ring_counts *mine = bpf_map_lookup_elem(&counts, &zero);         \
		if (mine)                                                               \
			mine->field++;                                                  \
	}
COUNT(events)
COUNT(lost)
COUNT(foreign)
COUNT(unmarked)

static __always_inline u64 inode_of(struct socket *socket)
{
	struct inode *inode = (void *)socket + bpf_core_field_offset(struct socket_alloc, vfs_inode);

	return BPF_CORE_READ(inode, i_ino);
}

/*
 * TCP sockets go by their cookie, which on_tcp_state makes the kernel assign before any call can name the socket. All others go by
 * inode: nothing assigns their cookie at a moment that would let every event of theirs carry it.
 */
static __always_inline bool find_socket(struct task_struct *task, s32 fd, struct found_socket *found)
{
	struct files_struct *files = task->files;
	struct fdtable *table;
	struct file **slots, *file = 0;
	struct inode *inode;
	u16 mode;

	found->id = 0;
	if (!files)
		return false;
	table = files->fdt;
	if ((u32)fd >= table->max_fds)
		return false;
	slots = table->fd;
	if (bpf_probe_read_kernel(&file, sizeof(file), slots + (u32)fd) || !file)
		return false;
	inode = BPF_CORE_READ(file, f_inode);
	mode = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	if (mode != S_IFSOCK && mode != S_IFIFO)
		return false;
	found->inode = BPF_CORE_READ(inode, i_ino);
	found->id = found->inode | SOCKET_INODE_FLAG;
	found->sk = 0;
	if (mode == S_IFSOCK) {
		struct socket *socket = BPF_CORE_READ(file, private_data);
		struct sock *sk = BPF_CORE_READ(socket, sk);
		u64 cookie;

		if (!sk)
			return false;
		found->sk = sk;
		if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP) {
			cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
			if (cookie)
				found->id = cookie;
		}
	}
	return true;
}

static __always_inline void read_addresses(struct sock *sk, u16 family, u8 *local, u8 *remote)
{
	if (family == AF_INET) {
		*(u32 *)local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		*(u32 *)remote = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	} else {
		BPF_CORE_READ_INTO((struct in6_addr *)local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)remote, sk, __sk_common.skc_v6_daddr);
	}
}

/* IPv4 inside IPv6 becomes IPv4: one end of a connection may be an IPv6 socket and the other not. */
static __always_inline void unmap(u8 *address)
{
	u32 *words = (u32 *)address;

	/* ::ffff:a.b.c.d, read on a little-endian machine. */
	if (!words[0] && !words[1] && words[2] == 0xffff0000) {
		words[0] = words[3];
		words[2] = 0;
		words[3] = 0;
	}
}

static __always_inline void read_pair(struct sock *sk, u16 family, struct address_pair *pair)
{
	__builtin_memset(pair, 0, sizeof(*pair));
	read_addresses(sk, family, pair->from, pair->to);
	unmap(pair->from);
	unmap(pair->to);
	pair->from_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	pair->to_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	pair->network_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline void describe_inet(struct sock *sk, struct ring_socket *out)
{
	struct address_pair pair, reversed;
	u32 *process;

	read_addresses(sk, out->family, out->local, out->remote);
	out->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	out->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	out->protocol = BPF_CORE_READ(sk, sk_protocol);
	if (out->protocol != IPPROTO_TCP || !out->remote_port)
		return;

	read_pair(sk, out->family, &pair);
	__builtin_memset(&reversed, 0, sizeof(reversed));
	__builtin_memcpy(reversed.from, pair.to, sizeof(reversed.from));
	__builtin_memcpy(reversed.to, pair.from, sizeof(reversed.to));
	reversed.from_port = pair.to_port;
	reversed.to_port = pair.from_port;
	reversed.network_namespace = pair.network_namespace;
	process = bpf_map_lookup_elem(&clients, &reversed);
	if (process) {
		out->peer_pid = *process;
		if (out->role == ROLE_UNKNOWN)
			out->role = ROLE_SERVER;
	} else if (out->role == ROLE_UNKNOWN && bpf_map_lookup_elem(&clients, &pair)) {
		out->role = ROLE_CLIENT;
	}
}

static __always_inline void describe_unix(struct sock *sk, struct ring_socket *out)
{
	struct unix_sock *own = (void *)sk;
	struct unix_address *address = BPF_CORE_READ(own, addr);
	struct sock *peer = BPF_CORE_READ(own, peer);
	struct pid *peer_pid = BPF_CORE_READ(sk, sk_peer_pid);

	if (peer_pid)
		out->peer_pid = BPF_CORE_READ(peer_pid, numbers[0].nr);
	if (peer) {
		struct socket *socket = BPF_CORE_READ(peer, sk_socket);

		if (socket)
			out->peer_inode = inode_of(socket);
		if (!address) {
			struct unix_sock *other = (void *)peer;

			address = BPF_CORE_READ(other, addr);
			out->path_is_remote = 1;
		}
	}
	if (address) {
		u32 length = BPF_CORE_READ(address, len) - sizeof(u16);

		/* Keeps the compiler from comparing another register than the one that is used: older verifiers would not follow. */
		barrier_var(length);
		if (length <= sizeof(out->path)) {
			out->path_length = length;
			bpf_probe_read_kernel(out->path, length, &address->name[0].sun_path);
		}
	}
	if (out->role == ROLE_UNKNOWN && out->path_length && peer)
		out->role = out->path_is_remote ? ROLE_CLIENT : ROLE_SERVER;
}

/* Hands over what is known of the socket of the call under way, unless that was done before. A role makes it be done again. */
static __always_inline void describe(struct task_struct *task, struct recorded_task *state, u8 role)
{
	struct found_socket *found = &state->socket;
	struct sock *sk = found->sk;
	struct ring_socket *out;
	u64 id = found->id;
	u8 one = 1;

	if (role == ROLE_UNKNOWN && bpf_map_lookup_elem(&seen, &id)) {
		state->described = id;
		return;
	}
	out = bpf_ringbuf_reserve(&ring, sizeof(*out), 0);
	if (!out) {
		count_lost();
		return;
	}
	__builtin_memset(out, 0, sizeof(*out));
	out->event.kind = CALL_DESCRIBE;
	/* Not later than the event that made us look. */
	out->event.time_ns = state->enter_ns;
	out->event.socket = id;
	out->event.pid = task->tgid;
	out->event.tid = task->pid;
	out->event.fd = state->fd;
	out->inode = found->inode;
	out->role = role;
	if (sk) {
		out->family = BPF_CORE_READ(sk, __sk_common.skc_family);
		out->network_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
		if (out->family == AF_INET || out->family == AF_INET6)
			describe_inet(sk, out);
		else if (out->family == AF_UNIX)
			describe_unix(sk, out);
	}
	bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
	bpf_map_update_elem(&seen, &id, &one, BPF_ANY);
	state->described = id;
}

/* Assigns cookies, and remembers which process on this host made the client's end of a connection, recorded or not. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int old, int new)
{
	u16 family = sk->__sk_common.skc_family;
	struct address_pair pair;
	u32 *process, zero = 0;

	if (sk->sk_protocol != IPPROTO_TCP || (new != TCP_SYN_SENT && new != TCP_ESTABLISHED && new != TCP_LISTEN))
		return 0;
	bpf_get_socket_cookie(sk);
	if (new == TCP_SYN_SENT) {
		/* Within connect(2) of the process that connects. */
		process = bpf_sk_storage_get(&connectors, sk, &zero, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (process)
			*process = bpf_get_current_pid_tgid() >> 32;
	} else if (new == TCP_ESTABLISHED && old == TCP_SYN_SENT) {
		/* In whatever task the answer interrupted. */
		process = bpf_sk_storage_get(&connectors, sk, 0, 0);
		if (!process)
			return 0;
		read_pair(sk, family, &pair);
		bpf_map_update_elem(&clients, &pair, process, BPF_ANY);
	}
	return 0;
}

#endif
