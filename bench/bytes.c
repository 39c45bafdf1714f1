/*
 * bytes KIND THREADS PAUSE_US: each thread sends a byte and receives it at the other end of a connection of its own (KIND unix or tcp), again and again, with a pause of
 * so many microseconds where that is not 0. Prints "ready" when all threads wait, begins at a line of input, ends at the next one or at its end, and prints how many
 * sends and receives there were and over how many nanoseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

struct load {
	pthread_t thread;
	int ends[2];
	long calls;
} __attribute__((aligned(64)));

static pthread_barrier_t begin;
static volatile int stop;
static int pause_us;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void connect_tcp(int ends[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (void *)&address, size) || listen(listener, 1) || getsockname(listener, (void *)&address, &size) || connect(ends[0], (void *)&address, size))
		fail("connect");
	ends[1] = accept(listener, 0, 0);
	if (ends[1] < 0 || setsockopt(ends[0], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)))
		fail("accept");
	close(listener);
}

static void *run(void *argument)
{
	struct load *load = argument;
	char byte = 0;

	pthread_barrier_wait(&begin);
	while (!stop) {
		if (send(load->ends[0], &byte, 1, 0) != 1 || recv(load->ends[1], &byte, 1, 0) != 1)
			fail("send");
		load->calls += 2;
		if (pause_us)
			usleep(pause_us);
	}
	return 0;
}

static void await_line(void)
{
	for (int c = getchar(); c != '\n' && c != EOF; c = getchar())
		;
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 0;
	struct load *loads = aligned_alloc(64, sizeof(*loads) * (count + 1));
	long began, calls = 0;

	if (argc != 4 || count < 1 || !loads)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memset(loads, 0, sizeof(*loads) * (count + 1));
	pause_us = atoi(argv[3]);
	pthread_barrier_init(&begin, 0, count + 1);
	for (int i = 0; i < count; i++) {
		if (!strcmp(argv[1], "tcp"))
			connect_tcp(loads[i].ends);
		else if (socketpair(AF_UNIX, SOCK_STREAM, 0, loads[i].ends))
			fail("socketpair");
		if (pthread_create(&loads[i].thread, 0, run, &loads[i]))
			fail("thread");
	}
	printf("ready\n");
	fflush(stdout);
	await_line();
	began = now();
	pthread_barrier_wait(&begin);
	await_line();
	stop = 1;
	for (int i = 0; i < count; i++) {
		pthread_join(loads[i].thread, 0);
		calls += loads[i].calls;
	}
	printf("%ld %ld\n", calls, now() - began);
	return 0;
}
