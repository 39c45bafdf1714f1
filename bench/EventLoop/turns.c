/*
 * turns PORT CONNECTIONS RATE SECONDS REQUEST FILE: a client of a server on the loopback that answers each request with one piece that ends a line (Redis; HTTP with a length). RATE 0: each connection asks again as soon as it is answered; else so many requests
 * a second in all, at times that do not wait for answers. Writes two numbers of 64 bits for each answer: when it was due and when it came, in us since the epoch. A lost connection is an error. SIGTERM ends it early.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 1000 };

struct turn { long long due, came; };

static int descriptors[MOST_CONNECTIONS], idle[MOST_CONNECTIONS], idle_count;
static long long due[MOST_CONNECTIONS];
static struct turn *turns;
static long turns_made, turns_room;
static const char *request;
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

static void ask(int connection, long long at)
{
	size_t length = strlen(request);

	due[connection] = at;
	if (send(descriptors[connection], request, length, 0) != (ssize_t)length)
		fail("send");
}

static void answered(int connection, long long now)
{
	if (turns_made == turns_room) {
		turns_room = turns_room ? 2 * turns_room : 1 << 16;
		turns = realloc(turns, turns_room * sizeof(*turns));
		if (!turns)
			fail("realloc");
	}
	turns[turns_made++] = (struct turn){ due[connection], now };
}

int main(int count, char **arguments)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int poller = epoll_create1(0), connections, yes = 1;
	long long start, end, next = 0;
	double rate;
	FILE *output;

	if (count != 7 || (connections = atoi(arguments[2])) < 1 || connections > MOST_CONNECTIONS) {
		fprintf(stderr, "usage: turns PORT CONNECTIONS RATE SECONDS REQUEST FILE\n");
		return 2;
	}
	to.sin_port = htons(atoi(arguments[1]));
	rate = atof(arguments[3]);
	request = arguments[5];
	for (int i = 0; i < connections; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		descriptors[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(descriptors[i], (void *)&to, sizeof(to)))
			fail("connect");
		setsockopt(descriptors[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		epoll_ctl(poller, EPOLL_CTL_ADD, descriptors[i], &event);
		idle[idle_count++] = i;
	}
	start = now_us();
	end = start + (long long)(atof(arguments[4]) * 1e6);
	signal(SIGTERM, stop);
	while (!stopped && now_us() < end) {
		struct epoll_event events[64];
		long long now = now_us();
		int ready, wait_ms = 100;

		while (idle_count && (!rate || start + (long long)(next / rate * 1e6) <= now)) {
			ask(idle[--idle_count], rate ? start + (long long)(next / rate * 1e6) : now);
			next++;
		}
		if (rate && idle_count)
			wait_ms = 1; /* to the next due time, in steps: epoll's clock is no finer */
		ready = epoll_wait(poller, events, 64, wait_ms);
		if (ready < 0 && errno != EINTR)
			fail("epoll_wait");
		now = now_us();
		for (int i = 0; i < ready; i++) {
			int connection = events[i].data.u32;
			char answer[4096];
			ssize_t length = recv(descriptors[connection], answer, sizeof(answer), 0);

			if (length <= 0 || answer[0] == '-' || (length > 9 && !memcmp(answer, "HTTP/", 5) && answer[9] != '2')) {
				fprintf(stderr, "connection %d: %s\n", connection, length > 0 ? strndup(answer, length) : "lost");
				return 1;
			}
			if (answer[length - 1] != '\n')
				continue;
			answered(connection, now);
			idle[idle_count++] = connection;
		}
	}
	output = fopen(arguments[6], "w");
	if (!output || fwrite(turns, sizeof(*turns), turns_made, output) != (size_t)turns_made || fclose(output))
		fail(arguments[6]);
	return 0;
}
