/*
 * ask PROTOCOL SERVER PORT SOURCE CONNECTIONS RATE REQUEST FILE: a client that asks again and again. PROTOCOL tcp: REQUEST is the path of a file that an HTTP server has; fresh: the same, over a new
 * connection each time; udp: how many bytes datagrams.c is to answer; dns: the name whose addresses are asked for. RATE 0: each connection asks again as soon as it is answered; else so many requests a second in all, at times that do not wait for answers.
 * The first 8 bytes of FILE count the bytes of answers while it runs. SIGTERM ends it; then two numbers of 64 bits for each answer follow from byte 4096 on: when it was due and when it came,
 * in us since the epoch. An answer of datagrams of which nothing came for PATIENCE_US is lost: it came at 0; udp without a rate asks again ten times as soon. A lost connection is an error.
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

enum { MOST_CONNECTIONS = 256, BUFFER = 256 * 1024, HEADER = 4096, PATIENCE_US = 200000, CHUNKED = 1 << 30 };

/* What a compressed body does not end with by chance: not within what one run asks for. */
#define LAST_CHUNK "\r\n0\r\n\r\n"

struct turn { long long due, came; };

struct connection {
	int descriptor, asking;
	long long due, last;	/* last: when something of the answer came */
	long long left;		/* bytes of the body that are missing; -1: the header is; CHUNKED: as many as come before the last chunk */
	unsigned number;	/* of the request over datagrams */
	int header_length, tail_length;
	char tail[sizeof(LAST_CHUNK) - 1];
	char header[HEADER];
};

static struct connection connections[MOST_CONNECTIONS];
static int idle[MOST_CONNECTIONS], idle_count, is_udp, is_dns, is_fresh, poller;
static struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET };
static unsigned char query[512];
static int query_length;
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

static void open_connection(int index)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = index };
	int yes = 1, descriptor = socket(AF_INET, is_udp ? SOCK_DGRAM : SOCK_STREAM, 0);

	connections[index].descriptor = descriptor;
	/* Else each source port is one connection's alone, and a minute later there are none left. */
	if (is_fresh)
		setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
	if (bind(descriptor, (const void *)&from, sizeof(from)))
		fail("bind");
	if (connect(descriptor, (const void *)&to, sizeof(to)))
		fail("connect");
	if (!is_udp)
		setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
}

/* A question for the IPv4 addresses of a name, answers of up to 4096 bytes welcome. Its number comes later. */
static void make_query(const char *name)
{
	static const unsigned char begin[] = { 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1 }, end[] = { 0, 0, 1, 0, 1, 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0 };

	memcpy(query, begin, sizeof(begin));
	query_length = sizeof(begin);
	while (*name) {
		size_t length = strcspn(name, ".");

		query[query_length++] = length;
		memcpy(query + query_length, name, length);
		query_length += length;
		name += length + (name[length] == '.');
	}
	memcpy(query + query_length, end, sizeof(end));
	query_length += sizeof(end);
}

static void ask(int index, long long at)
{
	struct connection *one = &connections[index];

	one->due = at;
	one->last = now_us();
	one->asking = 1;
	one->left = -1;
	one->header_length = one->tail_length = 0;
	if (is_fresh)
		open_connection(index);
	if (is_dns) {
		one->number = (one->number + 1) & 0xffff;
		query[0] = one->number >> 8;
		query[1] = one->number;
		if (send(one->descriptor, query, query_length, 0) != query_length && errno != ECONNREFUSED && errno != ENOBUFS)
			fail("send");
	} else if (is_udp) {
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
	if (is_fresh)
		close(connections[index].descriptor);
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
	if (field && field < end)
		one->left = atoll(field + 18);
	else if (strcasestr(one->header, "\r\nTransfer-Encoding: chunked\r\n"))
		one->left = CHUNKED;
	if (strncmp(one->header, "HTTP/1.1 200 ", 13) || one->left < 0) {
		fprintf(stderr, "answered: %.60s\n", one->header);
		exit(1);
	}
	return length - (end + 4 - one->header - before);
}

/* True where the last chunk came. */
static int take_chunks(struct connection *one, const char *data, ssize_t length)
{
	enum { LAST = sizeof(LAST_CHUNK) - 1 };

	if (length >= LAST) {
		memcpy(one->tail, data + length - LAST, LAST);
		one->tail_length = LAST;
	} else {
		int kept = one->tail_length + length <= LAST ? one->tail_length : LAST - (int)length;

		memmove(one->tail, one->tail + one->tail_length - kept, kept);
		memcpy(one->tail + kept, data, length);
		one->tail_length = kept + length;
	}
	return one->tail_length == LAST && !memcmp(one->tail, LAST_CHUNK, LAST);
}

static void hear_stream(int index, char *buffer)
{
	struct connection *one = &connections[index];
	ssize_t length = recv(one->descriptor, buffer, BUFFER, MSG_DONTWAIT), all = length;

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
	if (one->left == CHUNKED) {
		if (take_chunks(one, buffer + all - length, length))
			ended(index, now_us());
		return;
	}
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
		if (is_dns) {
			if (!one->asking || ((unsigned char)buffer[0] << 8 | (unsigned char)buffer[1]) != (int)one->number)
				continue;
			if (buffer[3] & 15) {
				fprintf(stderr, "answered with code %d\n", buffer[3] & 15);
				exit(1);
			}
			ended(index, now_us());
			continue;
		}
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

int main(int count, char **arguments)
{
	int number, output;
	static char buffer[BUFFER];
	long long start, next = 0;
	double rate;

	if (count != 9 || (number = atoi(arguments[5])) < 1 || number > MOST_CONNECTIONS || !inet_aton(arguments[2], &to.sin_addr) || !inet_aton(arguments[4], &from.sin_addr)) {
		fprintf(stderr, "usage: ask tcp|fresh|udp|dns SERVER PORT SOURCE CONNECTIONS RATE REQUEST FILE\n");
		return 2;
	}
	is_dns = !strcmp(arguments[1], "dns");
	is_udp = is_dns || !strcmp(arguments[1], "udp");
	is_fresh = !strcmp(arguments[1], "fresh");
	to.sin_port = htons(atoi(arguments[3]));
	rate = atof(arguments[6]);
	if (is_dns)
		make_query(arguments[7]);
	else if (is_udp)
		answer_bytes = atoi(arguments[7]);
	else
		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\nAccept-Encoding: gzip\r\n%s\r\n", arguments[7], arguments[2], is_fresh ? "Connection: close\r\n" : "");
	output = open(arguments[8], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (output < 0 || ftruncate(output, HEADER))
		fail(arguments[8]);
	bytes = mmap(0, HEADER, PROT_READ | PROT_WRITE, MAP_SHARED, output, 0);
	if (bytes == MAP_FAILED)
		fail("mmap");
	signal(SIGTERM, stop);
	poller = epoll_create1(0);
	for (int i = 0; i < number; i++) {
		if (!is_fresh)
			open_connection(i);
		idle[idle_count++] = i;
	}
	start = now_us();
	while (!stopped) {
		struct timespec wait = { .tv_nsec = 50000000 };
		struct epoll_event events[64];
		long long now = now_us(), due;
		int ready;

		while (idle_count && (due = rate ? start + (long long)(next / rate * 1e6) : now) <= now) {
			ask(idle[--idle_count], due);
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
			if (connections[i].asking && now - connections[i].last > (rate || is_dns ? PATIENCE_US : PATIENCE_US / 10))
				ended(i, 0);
	}
	if (pwrite(output, turns, turns_made * sizeof(*turns), HEADER) != (ssize_t)(turns_made * sizeof(*turns)) || close(output))
		fail(arguments[8]);
	return 0;
}
