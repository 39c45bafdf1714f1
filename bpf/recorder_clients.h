/* Cookies of TCP sockets, and which process on this host made the client's end of a connection. */
#ifndef RECORDER_CLIENTS_H
#define RECORDER_CLIENTS_H

#include "recorder_describe.h"

/* Assigns cookies, and remembers which process on this host made the client's end of a connection, recorded or not. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int old, int new)
{
	u16 family = sk->__sk_common.skc_family;
	struct address_pair pair;
	struct connector *connector, none = {};

	if (sk->sk_protocol != IPPROTO_TCP || (new != TCP_SYN_SENT && new != TCP_ESTABLISHED && new != TCP_LISTEN))
		return 0;
	bpf_get_socket_cookie(sk);
	if (new == TCP_SYN_SENT) {
		/* Within connect(2) of the process that connects. */
		connector = bpf_sk_storage_get(&connectors, sk, &none, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (connector)
			connector->process = bpf_get_current_pid_tgid() >> 32;
	} else if (new == TCP_ESTABLISHED && old == TCP_SYN_SENT) {
		/* In whatever task the answer interrupted. */
		connector = bpf_sk_storage_get(&connectors, sk, 0, 0);
		if (!connector)
			return 0;
		read_pair(sk, family, &pair);
		bpf_map_update_elem(&clients, &pair, &connector->process, BPF_ANY);
	} else if (new == TCP_ESTABLISHED && config.level_sockets) {
		connector = bpf_sk_storage_get(&connectors, sk, &none, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (connector)
			connector->passive = 1;
	}
	return 0;
}

#endif
