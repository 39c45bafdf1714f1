/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses of sockets as keys of maps. */
#pragma once

static __always_inline void map_v4(__u8 *to, __u32 address)
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &address, 4);
}

static __always_inline void local_address(const struct sock *sk, __u8 *to)
{
	if (sk->__sk_common.skc_family == AF_INET)
		map_v4(to, sk->__sk_common.skc_rcv_saddr);
	else
		BPF_CORE_READ_INTO((struct in6_addr *)to, sk, __sk_common.skc_v6_rcv_saddr);
}

static __always_inline void remote_address(const struct sock *sk, __u8 *to)
{
	if (sk->__sk_common.skc_family == AF_INET)
		map_v4(to, sk->__sk_common.skc_daddr);
	else
		BPF_CORE_READ_INTO((struct in6_addr *)to, sk, __sk_common.skc_v6_daddr);
}

static __always_inline bool is_tcp(const struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return (family == AF_INET || family == AF_INET6) && sk->sk_protocol == IPPROTO_TCP;
}

static __always_inline bool is_udp(const struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return (family == AF_INET || family == AF_INET6) && sk->sk_protocol == IPPROTO_UDP;
}

/* The flow as the server sees it; `client` tells which end the socket is. */
static __always_inline void flow_of(const struct sock *sk, bool client, struct flow_key *key)
{
	__u16 local = sk->__sk_common.skc_num, remote = __builtin_bswap16(sk->__sk_common.skc_dport);

	__builtin_memset(key, 0, sizeof(*key));
	local_address(sk, client ? key->client : key->server);
	remote_address(sk, client ? key->server : key->client);
	key->client_port = client ? local : remote;
	key->server_port = client ? remote : local;
	key->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	key->protocol = sk->sk_protocol;
}

static __always_inline __u32 inet_endpoint(const struct sock *sk, __u32 generation)
{
	struct inet_key key = {};
	__u32 *id;

	local_address(sk, key.address);
	key.port = sk->__sk_common.skc_num;
	key.protocol = sk->sk_protocol;
	key.generation = generation;
	id = bpf_map_lookup_elem(&inet_endpoints, &key);
	if (!id) {
		__builtin_memset(key.address, 0, sizeof(key.address));
		id = bpf_map_lookup_elem(&inet_endpoints, &key);
	}
	return id ? *id : ENDPOINT_OTHER;
}

static __always_inline __u32 unix_endpoint(const struct unix_sock *sk, __u32 generation)
{
	struct unix_key key = {};
	struct unix_address *address = sk->addr;
	__u32 length, *id;

	if (!address)
		return 0;
	/* The length counts the family (2 bytes). An abstract name begins with a zero byte and has no end mark. */
	length = BPF_CORE_READ(address, len) - 2;
	/* Else the compiler makes one comparison of another register of the two, from which verifiers before 6.13 learn nothing about this one. */
	barrier_var(length);
	if (length > sizeof(key.path))
		return ENDPOINT_OTHER;
	barrier_var(length);
	if (length == 0)
		return ENDPOINT_OTHER;
	key.generation = generation;
	bpf_probe_read_kernel(key.path, length, (void *)address + bpf_core_field_offset(struct unix_address, name) + 2);
	id = bpf_map_lookup_elem(&unix_endpoints, &key);
	return id ? *id : ENDPOINT_OTHER;
}
