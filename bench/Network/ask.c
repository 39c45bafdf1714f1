/*
 * ask PROTOCOL SERVER PORT SOURCE CONNECTIONS RATE REQUEST FILE: a client that asks again and again. PROTOCOL tcp: REQUEST is the path of a file that an HTTP server has; udp: how many bytes datagrams.c
 * is to answer. RATE 0: each connection asks again as soon as it is answered; else so many requests a second in all, at times that do not wait for answers.
 * The first 8 bytes of FILE count the bytes of answers while it runs. SIGTERM ends it; then two numbers of 64 bits for each answer follow from byte 4096 on: when it was due and when it came,
 * in us since the epoch. An answer of datagrams of which nothing came for PATIENCE_US is lost: it came at 0; a connection without a rate asks again ten times as soon. A lost connection is an error.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "datagrams.h"

enum { MOST_CONNECTIONS = 256, BUFFER = 256 * 1024, HEADER = 4096, PATIENCE_US = 200000 };

struct turn { long long due, came; };

struct connection {
	int descriptor, asking;
	long long due, last;	/* last: when something of the answer came */
	long long left;		/* bytes of the body that are missing; -1: the header is */
	unsigned number;	/* of the request over datagrams */
	int header_length;
	char header[HEADER];
};

static struct connection connections[MOST_CONNECTIONS];
static int idle[MOST_CONNECTIONS], idle_count, is_udp;
static struct turn *turns;
static long turns_made, turns_room;
static char request[1024];
static unsigned answer_bytes;
static volatile long long *bytes;
static volatile sig_atomic_t stopped;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static long long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void ask(struct connection *one, long long at)
{
	one->due = at;
	one->last = now_us();
	one->asking = 1;
	one->left = -1;
	one->header_length = 0;
	if (is_udp) {
		struct asked asked = { ++one->number, answer_bytes };

		if (send(one->descriptor, &asked, sizeof(asked), 0) != sizeof(asked) && errno != ECONNREFUSED && errno != ENOBUFS)
			fail("send");
	} else if (send(one->descriptor, request, strlen(request), 0) != (ssize_t)strlen(request)) {
		fail("send");
	}
}

static void ended(int index, long long came)
{
	if (turns_made == turns_room) {
		turns_room = turns_room ? 2 * turns_room : 1 << 16;
		turns = realloc(turns, turns_room * sizeof(*turns));
		if (!turns)
			fail("realloc");
	}
	turns[turns_made++] = (struct turn){ connections[index].due, came };
	connections[index].asking = 0;
	idle[idle_count++] = index;
}

/* Takes the header, which may come in pieces; returns how many bytes of the body came with it. */
static ssize_t take_header(struct connection *one, const char *data, ssize_t length)
{
	ssize_t room = HEADER - 1 - one->header_length, taken = length < room ? length : room, before = one->header_length;
	char *end, *field;

	memcpy(one->header + before, data, taken);
	one->header_length += taken;
	one->header[one->header_length] = 0;
	end = strstr(one->header, "\r\n\r\n");
	if (!end) {
		if (taken == length)
			return 0;
		fprintf(stderr, "a header without end\n");
		exit(1);
	}
	field = strcasestr(one->header, "\r\nContent-Length: ");
	if (strncmp(one->header, "HTTP/1.1 200 ", 13) || !field || field > end) {
		fprintf(stderr, "answered: %.60s\n", one->header);
		exit(1);
	}
	one->left = atoll(field + 18);
	return length - (end + 4 - one->header - before);
}

static void hear_stream(int index, char *buffer)
{
	struct connection *one = &connections[index];
	ssize_t length = recv(one->descriptor, buffer, BUFFER, MSG_DONTWAIT);

	if (length < 0 && errno == EAGAIN)
		return;
	if (length <= 0) {
		fprintf(stderr, "connection %d is lost: %s\n", index, length ? strerror(errno) : "closed");
		exit(1);
	}
	*bytes += length;
	if (one->left < 0)
		length = take_header(one, buffer, length);
	if (one->left < 0)
		return;
	one->left -= length;
	if (one->left <= 0)
		ended(index, now_us());
}

static void hear_datagrams(int index, char *buffer)
{
	struct connection *one = &connections[index];
	const struct answered *answer = (const void *)buffer;
	ssize_t length;

	while ((length = recv(one->descriptor, buffer, BUFFER, MSG_DONTWAIT)) >= (ssize_t)sizeof(*answer)) {
		*bytes += length;
		if (!one->asking || answer->number != one->number)
			continue;
		one->last = now_us();
		if (one->left < 0)
			one->left = answer_bytes;
		one->left -= length;
		if (one->left <= 0)
			ended(index, one->last);
	}
}

static void open_connection(int index, const struct sockaddr_in *from, const struct sockaddr_in *to, int poller)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = index };
	int yes = 1, descriptor = socket(AF_INET, is_udp ? SOCK_DGRAM : SOCK_STREAM, 0);

	connections[index].descriptor = descriptor;
	if (bind(descriptor, (const void *)from, sizeof(*from)))
		fail("bind");
	if (connect(descriptor, (const void *)to, sizeof(*to)))
		fail("connect");
	if (!is_udp)
		setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
	idle[idle_count++] = index;
}

int main(int count, char **arguments)
{
	struct sockaddr_in to = { .sin_family = AF_INET }, from = { .sin_family = AF_INET };
	int poller = epoll_create1(0), number, output;
	static char buffer[BUFFER];
	long long start, next = 0;
	double rate;

	if (count != 9 || (number = atoi(arguments[5])) < 1 || number > MOST_CONNECTIONS || !inet_aton(arguments[2], &to.sin_addr) || !inet_aton(arguments[4], &from.sin_addr)) {
		fprintf(stderr, "usage: ask tcp|udp SERVER PORT SOURCE CONNECTIONS RATE REQUEST FILE\n");
		return 2;
	}
	is_udp = !strcmp(arguments[1], "udp");
	to.sin_port = htons(atoi(arguments[3]));
	rate = atof(arguments[6]);
	if (is_udp)
		answer_bytes = atoi(arguments[7]);
	else
		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", arguments[7], arguments[2]);
	output = open(arguments[8], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (output < 0 || ftruncate(output, HEADER))
		fail(arguments[8]);
	bytes = mmap(0, HEADER, PROT_READ | PROT_WRITE, MAP_SHARED, output, 0);
	if (bytes == MAP_FAILED)
		fail("mmap");
	signal(SIGTERM, stop);
	for (int i = 0; i < number; i++)
		open_connection(i, &from, &to, poller);
	start = now_us();
	while (!stopped) {
		struct timespec wait = { .tv_nsec = 50000000 };
		struct epoll_event events[64];
		long long now = now_us(), due;
		int ready;

		while (idle_count && (due = rate ? start + (long long)(next / rate * 1e6) : now) <= now) {
			ask(&connections[idle[--idle_count]], due);
			next++;
		}
		if (rate && idle_count) {
			due = start + (long long)(next / rate * 1e6) - now;
			wait.tv_nsec = due <= 0 ? 0 : due < 50000 ? due * 1000 : 50000000;
		}
		ready = epoll_pwait2(poller, events, 64, &wait, 0);
		if (ready < 0 && errno != EINTR)
			fail("epoll_pwait2");
		for (int i = 0; i < ready; i++) {
			if (is_udp)
				hear_datagrams(events[i].data.u32, buffer);
			else
				hear_stream(events[i].data.u32, buffer);
		}
		if (!is_udp)
			continue;
		now = now_us();
		for (int i = 0; i < number; i++)
			if (connections[i].asking && now - connections[i].last > (rate ? PATIENCE_US : PATIENCE_US / 10))
				ended(i, 0);
	}
	if (pwrite(output, turns, turns_made * sizeof(*turns), HEADER) != (ssize_t)(turns_made * sizeof(*turns)) || close(output))
		fail(arguments[8]);
	return 0;
}
