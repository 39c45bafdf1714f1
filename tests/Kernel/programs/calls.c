/* Makes each call that is recorded, in a fixed order, so that a test knows what must have been recorded. Every result is checked: a call that fails ends the program. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define MUST(wanted, call) \
	do { \
		long got = (call); \
		if (got != (wanted)) { \
			fprintf(stderr, "%s gave %ld\n", #call, got); \
			exit(1); \
		} \
	} while (0)
#define FD(variable, call) \
	do { \
		variable = (call); \
		if (variable < 0) { \
			perror(#call); \
			exit(1); \
		} \
	} while (0)

static char buffer[100000];

static void pipes_and_descriptors(void)
{
	int ends[2], pair[2], copy, other, event;
	struct iovec part = { buffer, 5 };
	char control[CMSG_SPACE(sizeof(int))];
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	unsigned long long counter = 1;

	MUST(0, pipe2(ends, O_CLOEXEC));
	MUST(3, write(ends[1], buffer, 3));
	MUST(3, read(ends[0], buffer, 100));
	MUST(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	MUST(7, send(pair[0], buffer, 7, 0));
	MUST(7, recv(pair[1], buffer, 100, MSG_PEEK)); /* leaves no event */
	MUST(7, recv(pair[1], buffer, 100, 0));

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &ends[0], sizeof(int));
	MUST(5, sendmsg(pair[0], &message, 0));
	part.iov_len = 100;
	MUST(5, recvmsg(pair[1], &message, 0));
	memcpy(&copy, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	MUST(0, close(copy));

	FD(event, eventfd(0, 0));
	MUST(8, write(event, &counter, 8));
	MUST(8, read(event, &counter, 8));
	MUST(0, close(event));

	FD(copy, dup(ends[0]));
	FD(other, fcntl(ends[1], F_DUPFD_CLOEXEC, 20));
	MUST(other, dup2(copy, other)); /* closes what other was */
	MUST(other, dup2(other, other)); /* does nothing */
	MUST(0, close(copy));
	MUST(0, close(other));
	MUST(0, close(ends[0]));
	MUST(0, close(ends[1]));
	MUST(0, close(pair[0]));
	MUST(0, close(pair[1]));
}

static void datagrams(int family)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;
	socklen_t length = family == AF_INET ? sizeof(four) : sizeof(six), from = sizeof(six);
	struct sockaddr_in6 sender, client;
	struct mmsghdr many[3] = {};
	struct iovec parts[3];
	int server, asker;

	FD(server, socket(family, SOCK_DGRAM, 0));
	MUST(0, bind(server, address, length));
	getsockname(server, address, &length);
	FD(asker, socket(family, SOCK_DGRAM, 0));
	MUST(11, sendto(asker, buffer, 11, 0, address, length));
	MUST(11, recvfrom(server, buffer, 100, 0, (struct sockaddr *)&sender, &from));
	MUST(12, sendto(server, buffer, 12, 0, (struct sockaddr *)&sender, from));
	MUST(12, recvfrom(asker, buffer, 100, 0, 0, 0));
	for (int i = 0; i < 3; i++) {
		parts[i].iov_base = buffer;
		parts[i].iov_len = 21 + i;
		many[i].msg_hdr.msg_iov = &parts[i];
		many[i].msg_hdr.msg_iovlen = 1;
		many[i].msg_hdr.msg_name = address;
		many[i].msg_hdr.msg_namelen = length;
	}
	MUST(3, sendmmsg(asker, many, 3, 0));
	for (int i = 0; i < 3; i++) {
		parts[i].iov_len = 100;
		many[i].msg_hdr.msg_name = &client;
		many[i].msg_hdr.msg_namelen = sizeof(client);
	}
	MUST(3, recvmmsg(server, many, 3, 0, 0));
	parts[0].iov_len = 31;
	many[0].msg_hdr.msg_name = address;
	many[0].msg_hdr.msg_namelen = length;
	MUST(31, sendmsg(asker, &many[0].msg_hdr, 0));
	parts[0].iov_len = 100;
	many[0].msg_hdr.msg_name = &client;
	many[0].msg_hdr.msg_namelen = sizeof(client);
	MUST(31, recvmsg(server, &many[0].msg_hdr, 0));
	/* A connected socket names nobody: its description does. */
	MUST(0, connect(asker, address, length));
	MUST(41, send(asker, buffer, 41, 0));
	MUST(0, close(asker));
	MUST(0, close(server));
	/* Where the truth is to be seen: the ports. */
	printf("%d %d\n", ntohs(family == AF_INET ? four.sin_port : six.sin6_port), ntohs(sender.sin6_port));
}

static void streams(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	struct epoll_event ready, interest = { .events = EPOLLIN };
	int listener, client, server, file, ends[2], watch;
	struct iovec two[2] = { { buffer, 10 }, { buffer, 20 } };
	struct pollfd polled;

	FD(listener, socket(AF_INET, SOCK_STREAM, 0));
	MUST(0, bind(listener, (struct sockaddr *)&address, length));
	MUST(0, listen(listener, 5));
	getsockname(listener, (struct sockaddr *)&address, &length);
	FD(client, socket(AF_INET, SOCK_STREAM, 0));
	MUST(0, connect(client, (struct sockaddr *)&address, length));
	FD(server, accept4(listener, 0, 0, 0));
	MUST(30, writev(client, two, 2));
	FD(watch, epoll_create1(0));
	MUST(0, epoll_ctl(watch, EPOLL_CTL_ADD, server, &interest));
	MUST(1, epoll_wait(watch, &ready, 1, 1000));
	polled.fd = server;
	polled.events = POLLIN;
	MUST(1, poll(&polled, 1, 1000));
	MUST(30, readv(server, two, 2));

	FD(file, open("/proc/self/exe", O_RDONLY));
	MUST(4000, sendfile(client, file, 0, 4000));
	MUST(0, pipe(ends));
	MUST(4000, splice(server, 0, ends[1], 0, 4000, 0));
	MUST(4000, splice(ends[0], 0, server, 0, 4000, 0));
	MUST(4000, recv(client, buffer, 4000, MSG_WAITALL));
	MUST(0, shutdown(client, SHUT_WR));
	MUST(0, read(server, buffer, 100));
	MUST(0, close(server));
	MUST(0, close(client));
	MUST(0, close(listener));
	MUST(0, close(ends[0]));
	MUST(0, close(ends[1]));
}

int main(void)
{
	/* Standard input, output and error may be pipes: nothing is written there while calls are made. */
	pipes_and_descriptors();
	datagrams(AF_INET);
	datagrams(AF_INET6);
	streams();
	return 0;
}
