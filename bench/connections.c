/*
 * connections COUNT [TOUCHED]: in a network namespace of its own, a server with COUNT idle connections and one that is used, and its client. Prints the process ids of
 * both and the server's port, then reads numbers N: the server receives N single bytes and answers each, by two calls, and "done" is printed. Ends with its input.
 * Where N is negative they take -N turns, one byte each way, on one processor; before each send both read TOUCHED bytes of memory, so that little stays in the caches.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CACHE_LINE = 64 };
enum { PER_PROCESS = 9000, FIRST_SOURCE = 0x7f000100 }; /* descriptors and ports are limited for each process and each address */

static struct sockaddr_in idle, used;
static int idle_listener, used_listener, ready[2];
static char *memory;
static long touched;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int child(void)
{
	int pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid == 0;
}

static int listen_at(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(fd, (void *)address, size) || listen(fd, 4096) || getsockname(fd, (void *)address, &size))
		fail("listen");
	return fd;
}

static int connect_from(int source, struct sockaddr_in *to)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(FIRST_SOURCE + source) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes)) || bind(fd, (void *)&from, sizeof(from)) || connect(fd, (void *)to, sizeof(*to)))
		fail("connect");
	return fd;
}

static void hold(int server, long count)
{
	for (int source = 0; count > 0; source++, count -= PER_PROCESS) {
		if (!child())
			continue;
		for (int i = 0; i < PER_PROCESS && i < count; i++)
			if (server ? accept(idle_listener, 0, 0) < 0 : !connect_from(source, &idle))
				fail("accept");
		if (write(ready[1], "h", 1) != 1)
			fail("write");
		while (1)
			pause();
	}
}

static void take_turns(int server, int fd, long count)
{
	cpu_set_t last;
	char byte = 0;

	CPU_ZERO(&last);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &last);
	if (sched_setaffinity(0, sizeof(last), &last))
		fail("processor");
	while (count--) {
		if (!server && send(fd, &byte, 1, 0) != 1)
			fail("send");
		if (recv(fd, &byte, 1, 0) != 1)
			fail("receive");
		for (long i = 0; i < touched; i += CACHE_LINE)
			(void)((volatile char *)memory)[i];
		if (server && send(fd, &byte, 1, 0) != 1)
			fail("send");
	}
}

/* The client makes as few calls as it can: what the server does is to be measured. */
static void follow(int server, int fd, int orders, int answers)
{
	static char bytes[1 << 14];
	long count;

	while (read(orders, &count, sizeof(count)) == sizeof(count)) {
		if (count < 0)
			take_turns(server, fd, -count);
		for (long piece; count > 0; count -= piece) {
			piece = server ? 1 : count < (long)sizeof(bytes) ? count : (long)sizeof(bytes);
			if (!server && send(fd, bytes, piece, 0) != piece)
				fail("send");
			if (recv(fd, bytes, piece, MSG_WAITALL) != piece)
				fail("receive");
			if (server && send(fd, bytes, piece, 0) != piece)
				fail("send");
		}
		if (write(answers, "d", 1) != 1)
			fail("answer");
	}
	exit(0);
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 0, left = 2 + 2 * ((count + PER_PROCESS - 1) / PER_PROCESS);
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int orders[2][2], answers[2];
	char byte;
	int yes = 1;

	if (unshare(CLONE_NEWNET) || ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &lo))
		fail("network namespace");
	touched = argc > 2 ? atol(argv[2]) : 0;
	memory = malloc(touched + 1);
	if (!memory)
		fail("memory");
	memset(memory, 1, touched + 1);
	idle_listener = listen_at(&idle);
	used_listener = listen_at(&used);
	if (pipe(ready) || pipe(orders[0]) || pipe(orders[1]) || pipe(answers))
		fail("pipe");
	for (int server = 1; server >= 0; server--) {
		int fd;

		if (!child())
			continue;
		hold(server, count);
		fd = server ? accept(used_listener, 0, 0) : connect_from(0, &used);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		printf("%s %d %d\n", server ? "server" : "client", getpid(), ntohs(used.sin_port));
		fflush(stdout);
		if (write(ready[1], "u", 1) != 1)
			fail("write");
		follow(server, fd, orders[server][0], answers[1]);
	}
	while (left--)
		if (read(ready[0], &byte, 1) != 1)
			fail("ready");
	printf("ready\n");
	fflush(stdout);
	while (scanf("%ld", &count) == 1) {
		for (int i = 0; i < 2; i++)
			if (write(orders[i][1], &count, sizeof(count)) != sizeof(count))
				fail("order");
		for (int i = 0; i < 2; i++)
			if (read(answers[0], &byte, 1) != 1)
				fail("answer");
		printf("done\n");
		fflush(stdout);
	}
	return 0;
}
