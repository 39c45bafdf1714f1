/*
 * Many of something: "forks N", one child after the other, each of which sends a byte; "threads N", all of which are there before a line of input lets
 * each send a byte; "connections N", all open at the same time. Says a line when it is ready, and waits for one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(holds) \
	do { \
		if (!(holds)) { \
			perror(#holds); \
			exit(1); \
		} \
	} while (0)

static int pair[2];
static sem_t go;

static void ready(void)
{
	puts("ready");
	fflush(stdout);
}

static void wait_for_line(void)
{
	MUST(getchar() != EOF);
}

static void forks(int count)
{
	ready();
	wait_for_line();
	for (int i = 0; i < count; i++) {
		pid_t child = vfork();

		MUST(child >= 0);
		if (!child)
			_exit(send(pair[0], "x", 1, 0) == 1 ? 0 : 1);
		int status;

		MUST(waitpid(child, &status, 0) == child && status == 0);
		char byte;

		MUST(recv(pair[1], &byte, 1, 0) == 1);
	}
}

static void *send_one(void *unused)
{
	sem_wait(&go);
	MUST(send(pair[0], "x", 1, 0) == 1);
	return unused;
}

static void threads(int count)
{
	pthread_t *all = calloc(count, sizeof(*all));
	pthread_attr_t small;

	MUST(!pthread_attr_init(&small) && !pthread_attr_setstacksize(&small, 65536) && !sem_init(&go, 0, 0));
	for (int i = 0; i < count; i++)
		MUST(!pthread_create(&all[i], &small, send_one, 0));
	ready();
	wait_for_line();
	for (int i = 0; i < count; i++) {
		char byte;

		sem_post(&go);
		MUST(recv(pair[1], &byte, 1, 0) == 1);
	}
	for (int i = 0; i < count; i++)
		pthread_join(all[i], 0);
}

/* A process may hold 20,000 descriptors at most where nobody may raise that, so the clients are one process and the server another. */
static void connections(int count)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger at_once = { 1, 0 }; /* leaves no port waiting */
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), *clients = calloc(count, sizeof(*clients));
	char byte;

	MUST(!bind(listener, (void *)&address, size) && !listen(listener, 4096) && !getsockname(listener, (void *)&address, &size));
	ready();
	wait_for_line();
	pid_t server = fork();

	MUST(server >= 0);
	if (!server) {
		prctl(PR_SET_PDEATHSIG, 9);
		for (int i = 0; i < count; i++) {
			int connection = accept(listener, 0, 0);

			MUST(connection >= 0 && recv(connection, &byte, 1, 0) == 1 && (byte == 'x' || send(connection, "z", 1, 0) == 1));
		}
		pause();
	}
	for (int i = 0; i < count; i++) {
		int client = clients[i] = socket(AF_INET, SOCK_STREAM, 0);

		MUST(client >= 0 && !setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
		/* Now and then it waits for the server: no more are made than the listener's queue holds. */
		bool last = i % 500 == 499 || i == count - 1;

		MUST(!connect(client, (void *)&address, size) && send(client, last ? "y" : "x", 1, 0) == 1 && (!last || recv(client, &byte, 1, 0) == 1));
	}
	ready();
	wait_for_line();
	for (int i = 0; i < count; i++)
		close(clients[i]);
	kill(server, 9);
	waitpid(server, 0, 0);
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[2]) : 0;

	alarm(120); /* a test that was killed leaves nobody behind */
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	if (!strcmp(argv[1], "forks"))
		forks(count);
	else if (!strcmp(argv[1], "threads"))
		threads(count);
	else
		connections(count);
	ready();
	wait_for_line();
	return 0;
}
