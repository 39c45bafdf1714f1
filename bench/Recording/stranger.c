/*
 * stranger KIND SECONDS: makes one kind of system call as fast as it can, and prints what one takes in ns: the median of batches, so that what interrupts a batch does not count.
 * KIND: getppid; zero: reads a byte of /dev/zero; pipe, unix, tcp: a byte goes in at one end and comes out at the other, two calls.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 2000, MOST_BATCHES = 1000000 };

static double batches[MOST_BATCHES];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return a < b ? -1 : a > b;
}

static void connect_tcp(int ends[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	if (bind(listener, (void *)&address, length) || listen(listener, 1) || getsockname(listener, (void *)&address, &length))
		fail("listen");
	ends[1] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(ends[1], (void *)&address, length))
		fail("connect");
	ends[0] = accept(listener, 0, 0);
	setsockopt(ends[1], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

int main(int count, char **arguments)
{
	int ends[2] = { -1, -1 }, calls = 2;
	long made = 0;
	char byte = 0;
	double end;

	if (count != 3)
		return 2;
	if (!strcmp(arguments[1], "pipe") ? pipe(ends) : !strcmp(arguments[1], "unix") ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : 0)
		fail(arguments[1]);
	if (!strcmp(arguments[1], "tcp"))
		connect_tcp(ends);
	if (!strcmp(arguments[1], "zero"))
		ends[0] = open("/dev/zero", O_RDONLY);
	if (ends[1] < 0)
		calls = 1;
	end = now() + atof(arguments[2]) * 1e9;
	while (made < MOST_BATCHES) {
		double start = now();

		if (start >= end)
			break;
		for (int i = 0; i < BATCH; i++) {
			if (ends[1] >= 0 && write(ends[1], &byte, 1) != 1)
				fail("write");
			if (ends[0] >= 0 && read(ends[0], &byte, 1) != 1)
				fail("read");
			if (ends[0] < 0)
				syscall(SYS_getppid);
		}
		batches[made++] = (now() - start) / BATCH / calls;
	}
	qsort(batches, made, sizeof(*batches), compare);
	printf("%.2f\n", batches[made / 2]);
	return 0;
}
