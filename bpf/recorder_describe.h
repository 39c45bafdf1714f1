/* What is known of a socket, told once per socket. */
#ifndef RECORDER_DESCRIBE_H
#define RECORDER_DESCRIBE_H

#include "recorder_find.h"
#include "recorder_rings.h"

static __always_inline u64 inode_of(struct socket *socket)
{
	struct inode *inode = (void *)socket + bpf_core_field_offset(struct socket_alloc, vfs_inode);

	return LOOK(inode, inode, i_ino);
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

/* Processes at the other end of recorded sockets. A client may live for a few milliseconds: the recorder wakes for this, and for nothing else. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} peers SEC(".maps");

/* When each was told. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, s32);
	__type(value, u64);
} peers_told SEC(".maps");

#define PEER_TOLD_AGAIN_NS 1000000000ULL

/* In describe_as itself: older kernels allow its callers 512 bytes of stack altogether. One that finds no room is looked at when its socket's description is read. */
static __always_inline void tell_peer(s32 pid, u64 now)
{
	u64 *told = bpf_map_lookup_elem(&peers_told, &pid);
	s32 *peer;

	if (told && now - *told < PEER_TOLD_AGAIN_NS)
		return;
	bpf_map_update_elem(&peers_told, &pid, &now, BPF_ANY);
	peer = bpf_ringbuf_reserve(&peers, sizeof(*peer), 0);
	if (!peer)
		return;
	*peer = pid;
	bpf_ringbuf_submit(peer, 0);
}

/* Whose doing made us look at a socket, and when: not later than the event itself. */
struct teller {
	u64 time_ns;
	s32 pid;
	s32 tid;
};

/* Hands over what is known of a socket, unless that was done before. A role, or force, makes it be done again. */
static __noinline bool describe_as(struct found_socket *found, struct teller *teller, s32 fd, u8 role)
{
	bool force = role & ROLE_FORCE;
	struct sock *sk = found->sk;
	struct ring_socket *out;
	u64 id = found->id, told;
	s32 peer;
	u8 one = 1;

	role &= ~ROLE_FORCE;
	if (role == ROLE_UNKNOWN && !force && bpf_map_lookup_elem(&seen, &id))
		return true;
	out = ring_reserve(sizeof(*out));
	if (!out)
		return false;
	__builtin_memset(out, 0, sizeof(*out));
	out->event.kind = CALL_DESCRIBE;
	out->event.time_ns = teller->time_ns;
	out->event.socket = id;
	out->event.pid = teller->pid;
	out->event.tid = teller->tid;
	out->event.fd = fd;
	out->inode = found->inode;
	out->role = role;
	if (found->is_eventfd)
		out->family = FAMILY_EVENTFD;
	if (sk) {
		out->family = BPF_CORE_READ(sk, __sk_common.skc_family);
		out->network_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
		if (out->family == AF_INET || out->family == AF_INET6)
			describe_inet(sk, out);
		else if (out->family == AF_UNIX)
			describe_unix(sk, out);
	}
	told = bpf_ktime_get_ns();
	peer = out->peer_pid;
	out->told_ns = told;
	ring_submit(out);
	if (peer)
		tell_peer(peer, told);
	bpf_map_update_elem(&seen, &id, &one, BPF_ANY);
	return true;
}

static __always_inline void describe(struct task_struct *task, struct recorded_task *state, struct found_socket *found, s32 fd, u8 role)
{
	struct teller teller = { .time_ns = state->enter_ns, .pid = task->tgid, .tid = task->pid };

	if (describe_as(found, &teller, fd, role))
		know(state, found->id);
}

#endif
