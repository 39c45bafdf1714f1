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

/* Where a name stands in the first `have` bytes of what arrived; `length` 0: it is not there; `cut`: a hello goes on behind them, and `at` is where to go on. */
struct asked {
	__u32 have;
	__u32 at;
	__u32 length;
	__u32 cut;
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
	if (c == '@')
		return 1; /* a user's name comes first: RFC 9110 forbids it */
	if (c != ':' && c != '/' && c != '?' && c != '#' && c != ' ' && c != '\t' && c != '\r' && c != '\n')
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
	/* No name has a zero byte: it would pass for the end of one. */
	if (!c) {
		asked->length = 0;
		return 1;
	}
	s->key.text[i & (NAME_BYTES - 1)] = c >= 'A' && c <= 'Z' ? c | 32 : c;
	return 0;
}

static long next_extension(__u32 i, struct asked *asked)
{
	struct name_scratch *s = bpf_map_lookup_elem(&name_scratch, &zero);
	__u32 at = asked->at, length;

	if (!s)
		return 1;
	if (at + 9 > asked->have) {
		asked->cut = 1;
		return 1;
	}
	if (two_at(s, at) != TLS_SERVER_NAME) {
		asked->at = at + 4 + two_at(s, at + 2);
		return 0;
	}
	/* type, length, length of the list, kind (0: a name), length, name: RFC 6066 */
	length = two_at(s, at + 7);
	if (byte_at(s, at + 6) != 0)
		return 1;
	if (at + 9 + length > asked->have) {
		asked->cut = 1;
		return 1;
	}
	asked->at = at + 9;
	asked->length = length;
	return 1;
}

/* RFC 8446, 4.1.2, and what TLS 1.0 to 1.2 have alike. False where this is not a hello: what follows one is for the same name. */
static __always_inline bool tls_name(const struct name_scratch *s, struct asked *asked)
{
	__u32 at = TLS_SESSION_ID + 1 + byte_at(s, TLS_SESSION_ID);

	if (asked->have <= TLS_SESSION_ID || byte_at(s, 0) != TLS_HANDSHAKE || byte_at(s, 1) != 3 || byte_at(s, 5) != TLS_CLIENT_HELLO)
		return false;
	at += 2 + two_at(s, at);
	at += 1 + byte_at(s, at);
	asked->at = at + 2;
	bpf_loop(MOST_EXTENSIONS, next_extension, asked, 0);
	return true;
}

/* False where this is not the beginning of a request: some letters, a blank, and a path, a whole address or what CONNECT takes. */
static __always_inline bool http_name(const struct name_scratch *s, struct asked *asked)
{
	__u32 target = 0, name = 0;
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
		/* http://name/path, as proxies are asked, wins over a Host. */
		for (__u32 i = 0; i < 8 && !name; i++)
			if (byte_at(s, target + i) == ':' && byte_at(s, target + i + 1) == '/' && byte_at(s, target + i + 2) == '/')
				name = target + i + 3;
		if (!name && target == 8 && byte_at(s, 0) == 'C' && byte_at(s, 1) == 'O' && byte_at(s, 2) == 'N' && byte_at(s, 3) == 'N' && byte_at(s, 4) == 'E' && byte_at(s, 5) == 'C' && byte_at(s, 6) == 'T')
			name = target;
		if (!name)
			return false;
		asked->at = name;
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
	if (!asked->length)
		return VS_NONE;
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

/* What is not read or not answered yet may be another's turn. */
static __always_inline bool in_hand(const struct sock_tag *mark, const struct tcp_sock *tcp)
{
	return tcp->rcv_nxt != tcp->copied_seq || (mark->flags & MARK_ASKED);
}

static __always_inline void set_name(struct sock_tag *mark, __u32 generation, __u32 state, __u32 vs, __u32 from)
{
	mark->named = vs;
	mark->name_from = from;
	mark->name_generation = generation;
	mark->name_state = state;
}

/* A turn begins with the byte `sequence`. */
static __always_inline void ask_for(struct sock_tag *mark, const struct tcp_sock *tcp, __u32 vs, __u32 sequence, __u32 tls)
{
	__u32 state = vs ? NAME_KNOWN : NAME_OTHER, generation = generation_now(), from = sequence, before_state = mark->name_state & NAME_KINDS;

	if (in_hand(mark, tcp) && before_state && before_state != NAME_CUT) {
		from = mark->name_from;
		if (before_state != state || mark->named != vs || mark->name_generation != generation)
			state = NAME_MIXED;
	}
	set_name(mark, generation, state | tls, vs, from);
}

static __always_inline void found(struct sock_tag *mark, const struct tcp_sock *tcp, struct name_scratch *s, struct asked *asked, __u32 sequence, __u32 tls)
{
	__u32 vs = asked->length ? vs_of_name(s, asked) : VS_NONE;

	count_name(!asked->length ? NAMES_UNSEEN : vs ? NAMES_KNOWN : NAMES_WITHOUT_RULE);
	ask_for(mark, tcp, vs, sequence, tls);
}

/* True for what a request or a hello begins with: most packets are neither, and are left after eight bytes. */
static __always_inline bool may_begin(struct __sk_buff *skb, __u32 at)
{
	__u8 first[8];

	if (bpf_skb_load_bytes(skb, at, first, sizeof(first)))
		return false;
	return (first[0] == TLS_HANDSHAKE && first[1] == 3 && first[5] == TLS_CLIENT_HELLO) || (first[0] >= 'A' && first[0] <= 'Z' && first[1] >= 'A' && first[1] <= 'Z' && first[2] >= 'A' && first[2] <= 'Z');
}

static __noinline void read_name(struct __sk_buff *skb, struct sock_tag *mark, const struct tcp_sock *tcp)
{
	struct name_scratch *s = bpf_map_lookup_elem(&name_scratch, &zero);
	__u32 sequence = 0, at = payload_of(skb, &sequence), cut = (mark->name_state & NAME_KINDS) == NAME_CUT;
	struct asked asked = {};

	if (!s || !at || at >= skb->len || before(sequence, tcp->rcv_nxt) || (!cut && !may_begin(skb, at)))
		return;
	/* Not the next bytes: what is between may be of other turns. */
	if (sequence != tcp->rcv_nxt) {
		if (!cut)
			set_name(mark, generation_now(), NAME_MIXED, VS_NONE, mark->name_from);
		return;
	}
	asked.have = skb->len - at;
	if (asked.have > NAME_WINDOW)
		asked.have = NAME_WINDOW;
	barrier_var(asked.have);
	if (asked.have < 1 || asked.have > NAME_WINDOW || bpf_skb_load_bytes(skb, at, s->raw, asked.have))
		return;
	if (asked.have < NAME_WINDOW)
		s->raw[asked.have] = 0; /* what is behind is of the packet before */
	if (cut) {
		asked.at = mark->name_from - sequence;
		if (asked.at < asked.have)
			bpf_loop(MOST_EXTENSIONS, next_extension, &asked, 0);
		else
			asked.cut = 0;
		found(mark, tcp, s, &asked, sequence, NAME_TLS);
	} else if (tls_name(s, &asked)) {
		if (asked.cut && asked.have < NAME_WINDOW)
			set_name(mark, generation_now(), NAME_CUT | NAME_TLS, VS_NONE, sequence + asked.at);
		else
			found(mark, tcp, s, &asked, sequence, NAME_TLS);
	} else if (http_name(s, &asked)) {
		found(mark, tcp, s, &asked, sequence, 0);
	}
}

/* Bytes that come with the last packet of a handshake: there is no socket yet that could carry what they ask for. */
static __always_inline void completes_handshake(struct __sk_buff *skb)
{
	__u32 sequence, at = payload_of(skb, &sequence);

	if (at && at < skb->len)
		count_name(NAMES_UNSEEN);
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
	if (!mark || !mark->service || (mark->flags & (MARK_LOCAL | MARK_BOUND)) || ((mark->name_state & NAME_TLS) && (mark->name_state & NAME_KINDS) != NAME_CUT))
		return 1;
	if (mark->role == ROLE_LISTENER) {
		completes_handshake(skb);
		return 1;
	}
	if (mark->role != ROLE_SERVER)
		return 1;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (tcp)
		read_name(skb, mark, tcp);
	return 1;
}
