/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names asked for: the Host of an HTTP/1 request and the server name of a TLS hello, read from the packet that begins a turn, when it arrives: before the service can read it.
 * Only connections accepted by services are looked at, and of them those whose client is not a virtual service of this host: what a process is, is known better than what it says.
 */
#pragma once

enum { NAME_WINDOW = 2048, MOST_EXTENSIONS = 48, MOST_METHOD = 16 };
enum { TLS_HANDSHAKE = 0x16, TLS_CLIENT_HELLO = 1, TLS_SESSION_ID = 43, TLS_SERVER_NAME = 0 };

struct name_scratch {
	struct name_key key;
	__u8 raw[NAME_WINDOW];
};

struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct name_scratch); } name_scratch SEC(".maps");

/* Where a name stands in the first `have` bytes of what arrived; `length` 0: it is not there. */
struct asked {
	__u32 have;
	__u32 at;
	__u32 length;
};

static __always_inline __u8 byte_at(const struct name_scratch *s, __u32 at)
{
	return s->raw[at & (NAME_WINDOW - 1)];
}

static __always_inline __u32 two_at(const struct name_scratch *s, __u32 at)
{
	return byte_at(s, at) << 8 | byte_at(s, at + 1);
}

static __always_inline bool is_letter(__u8 c, char letter)
{
	return (c | 32) == letter;
}

/* Steps of loops: 0 goes on. Each looks the scratch up, because a loop's context is on the stack. */
static long find_host(__u32 i, struct asked *asked)
{
	struct name_scratch *s = bpf_map_lookup_elem(&name_scratch, &zero);
	__u8 next;

	if (!s || i + 7 > asked->have)
		return 1;
	if (byte_at(s, i) != '\n')
		return 0;
	next = byte_at(s, i + 1);
	if (next == '\r' || next == '\n')
		return 1; /* the end of the header */
	if (!is_letter(next, 'h') || !is_letter(byte_at(s, i + 2), 'o') || !is_letter(byte_at(s, i + 3), 's') || !is_letter(byte_at(s, i + 4), 't') || byte_at(s, i + 5) != ':')
		return 0;
	asked->at = i + 6;
	return 1;
}

static long find_end(__u32 i, struct asked *asked)
{
	struct name_scratch *s = bpf_map_lookup_elem(&name_scratch, &zero);
	__u8 c;

	/* A name that is cut off is none: what follows may change whose it is. */
	if (!s || asked->at + i >= asked->have)
		return 1;
	c = byte_at(s, asked->at + i);
	if (c != ':' && c != '/' && c != ' ' && c != '\t' && c != '\r' && c != '\n')
		return 0;
	asked->length = i;
	return 1;
}

/* Backwards, so that a name is found by its longest known end. */
static long copy_back(__u32 i, struct asked *asked)
{
	struct name_scratch *s = bpf_map_lookup_elem(&name_scratch, &zero);
	__u8 c;

	if (!s || i >= asked->length)
		return 1;
	c = byte_at(s, asked->at + asked->length - 1 - i);
	s->key.text[i & (NAME_BYTES - 1)] = c >= 'A' && c <= 'Z' ? c | 32 : c;
	return 0;
}

static long next_extension(__u32 i, struct asked *asked)
{
	struct name_scratch *s = bpf_map_lookup_elem(&name_scratch, &zero);
	__u32 at = asked->at, length;

	if (!s || at + 9 > asked->have)
		return 1;
	if (two_at(s, at) != TLS_SERVER_NAME) {
		asked->at = at + 4 + two_at(s, at + 2);
		return 0;
	}
	/* type, length, length of the list, kind (0: a name), length, name: RFC 6066 */
	length = two_at(s, at + 7);
	if (byte_at(s, at + 6) == 0 && at + 9 + length <= asked->have) {
		asked->at = at + 9;
		asked->length = length;
	}
	return 1;
}

/* RFC 8446, 4.1.2, and what TLS 1.0 to 1.2 have alike. False where this is not a hello: what follows one is for the same name. */
static __always_inline bool tls_name(const struct name_scratch *s, struct asked *asked)
{
	__u32 at = TLS_SESSION_ID + 1 + byte_at(s, TLS_SESSION_ID);

	if (byte_at(s, 0) != TLS_HANDSHAKE || byte_at(s, 1) != 3 || byte_at(s, 5) != TLS_CLIENT_HELLO)
		return false;
	at += 2 + two_at(s, at);
	at += 1 + byte_at(s, at);
	asked->at = at + 2;
	bpf_loop(MOST_EXTENSIONS, next_extension, asked, 0);
	return true;
}

/* False where this is not the beginning of a request: some letters and a blank. */
static __always_inline bool http_name(const struct name_scratch *s, struct asked *asked)
{
	__u32 target = 0;
	__u8 c;

	for (__u32 i = 0; i <= MOST_METHOD; i++) {
		c = byte_at(s, i);
		if (c >= 'A' && c <= 'Z')
			continue;
		if (c == ' ' && i > 2)
			target = i + 1;
		break;
	}
	if (!target)
		return false;
	c = byte_at(s, target);
	if (c == '/' || c == '*') {
		bpf_loop(NAME_WINDOW, find_host, asked, 0);
		if (!asked->at)
			return true;
		for (int i = 0; i < 8 && (byte_at(s, asked->at) == ' ' || byte_at(s, asked->at) == '\t'); i++)
			asked->at++;
	} else {
		/* http://name/path as proxies are asked, and name:port of CONNECT: both win over a Host. */
		asked->at = target;
		for (__u32 i = 0; i < 8; i++) {
			if (byte_at(s, target + i) != ':' || byte_at(s, target + i + 1) != '/' || byte_at(s, target + i + 2) != '/')
				continue;
			asked->at = target + i + 3;
			break;
		}
	}
	bpf_loop(NAME_BYTES, find_end, asked, 0);
	return true;
}

static __always_inline __u32 vs_of_name(struct name_scratch *s, struct asked *asked)
{
	__u32 *vs;

	if (asked->length > 1 && byte_at(s, asked->at + asked->length - 1) == '.')
		asked->length--;
	if (asked->length >= NAME_BYTES)
		return VS_NONE;
	__builtin_memset(&s->key, 0, sizeof(s->key));
	s->key.generation = generation_now();
	/* With the zero byte after it: a whole name ends with one, the end of a name does not. */
	s->key.bits = 8 * (sizeof(s->key.generation) + asked->length + 1);
	bpf_loop(NAME_BYTES, copy_back, asked, 0);
	vs = bpf_map_lookup_elem(&hosts, &s->key);
	return vs ? *vs : VS_NONE;
}

static __always_inline void count_name(__u32 what)
{
	__u64 *count = bpf_map_lookup_elem(&name_counts, &what);

	if (count)
		*count += 1;
}

/* Offset of the payload; 0: there is none that can be looked at. */
static __always_inline __u32 payload_of(struct __sk_buff *skb, __u32 *sequence)
{
	__u32 at = 40;
	__u8 tcp[20], first, next = 0;

	if (skb->protocol == __builtin_bswap16(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, 0, &first, 1))
			return 0;
		at = (first & 15) * 4;
	} else if (bpf_skb_load_bytes(skb, 6, &next, 1) || next != IPPROTO_TCP) {
		return 0;
	}
	if (bpf_skb_load_bytes(skb, at, tcp, sizeof(tcp)))
		return 0;
	*sequence = tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7];
	return at + (tcp[12] >> 4) * 4;
}

/* A turn begins: for whom, and is what came before it read? */
static __always_inline void ask_for(struct sock_tag *mark, const struct tcp_sock *tcp, __u32 vs)
{
	__u32 state = vs ? NAME_KNOWN : NAME_OTHER;

	if (tcp->rcv_nxt != tcp->copied_seq && (mark->name_state != state || mark->named != vs))
		state = NAME_MIXED;
	mark->named = vs;
	mark->name_state = state;
}

static __noinline void read_name(struct __sk_buff *skb, struct sock_tag *mark, const struct tcp_sock *tcp)
{
	struct name_scratch *s = bpf_map_lookup_elem(&name_scratch, &zero);
	__u32 sequence = 0, at = payload_of(skb, &sequence), vs = VS_NONE;
	struct asked asked = {};

	if (!s || !at || at >= skb->len || sequence != tcp->rcv_nxt)
		return;
	asked.have = skb->len - at;
	if (asked.have > NAME_WINDOW)
		asked.have = NAME_WINDOW;
	barrier_var(asked.have);
	if (asked.have < 1 || asked.have > NAME_WINDOW || bpf_skb_load_bytes(skb, at, s->raw, asked.have))
		return;
	if (!tls_name(s, &asked) && !http_name(s, &asked))
		return;
	if (asked.length)
		vs = vs_of_name(s, &asked);
	count_name(!asked.length ? NAMES_UNSEEN : vs ? NAMES_KNOWN : NAMES_WITHOUT_RULE);
	ask_for(mark, tcp, vs);
}

SEC("cgroup_skb/ingress")
int on_arrival(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct sock_tag *mark;
	struct tcp_sock *tcp;

	if (!sk)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk || sk->protocol != IPPROTO_TCP)
		return 1;
	mark = bpf_sk_storage_get(&sock_tags, sk, 0, 0);
	if (!mark || mark->role != ROLE_SERVER || !mark->service || (mark->flags & (MARK_LOCAL | MARK_BOUND | MARK_ASKED)))
		return 1;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (tcp)
		read_name(skb, mark, tcp);
	return 1;
}
