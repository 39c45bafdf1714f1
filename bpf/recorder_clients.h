/* Cookies of TCP sockets, and which process on this host made the client's end of a connection. */
#ifndef RECORDER_CLIENTS_H
#define RECORDER_CLIENTS_H

#include "recorder_describe.h"
#include "recorder_lives.h"

/* Assigns cookies, and remembers which process on this host made the client's end of a connection, recorded or not. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int old, int new)
{
	u16 family = sk->__sk_common.skc_family;
	struct address_pair pair;
	struct socket_note *note, none = {};

	if (sk->sk_protocol != IPPROTO_TCP || (new != TCP_SYN_SENT && new != TCP_ESTABLISHED && new != TCP_LISTEN))
		return 0;
	bpf_get_socket_cookie(sk);
	if (new == TCP_SYN_SENT) {
		/* Within connect(2) of the process that connects. */
		note = bpf_sk_storage_get(&notes, sk, &none, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (note)
			note->process = bpf_get_current_pid_tgid() >> 32;
	} else if (new == TCP_ESTABLISHED && old == TCP_SYN_SENT) {
		/* In whatever task the answer interrupted. */
		note = bpf_sk_storage_get(&notes, sk, 0, 0);
		if (!note)
			return 0;
		read_pair(sk, family, &pair);
		bpf_map_update_elem(&clients, &pair, &note->process, BPF_ANY);
	}
	return 0;
}

#endif
