/*
 * Threads whose ids are the same in their last bits, and a thread that becomes its process's first by exec. Sends single bytes over a pair of
 * sockets, and says how often each process did: "PID COUNT" a line.
 */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PLACES = 4096, MOST_PIDS = 32768 };

static char *self;

static void send_and_receive(int count)
{
	int pair[2];
	char byte = 'x';

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		abort();
	for (int i = 0; i < count; i++)
		if (write(pair[0], &byte, 1) != 1 || read(pair[1], &byte, 1) != 1)
			abort();
	close(pair[0]);
	close(pair[1]);
}

/* A fork whose id is ours but for a multiple of PLACES. */
static pid_t fork_beside(void)
{
	for (pid_t pid = getpid() % PLACES; pid < MOST_PIDS; pid += PLACES) {
		struct clone_args arguments = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1 };
		long child;

		if (pid < 300 || pid == getpid())
			continue;
		child = syscall(SYS_clone3, &arguments, sizeof(arguments));
		if (child >= 0)
			return child;
	}
	abort();
}

static void *become_first(void *unused)
{
	send_and_receive(2);
	execl(self, self, "first", (char *)0);
	abort();
	return unused;
}

int main(int count, char **arguments)
{
	pthread_t thread;
	pid_t child;

	self = arguments[0];
	if (count > 1) {
		send_and_receive(4);
		printf("%d %d\n", getpid(), 3 + 5 + 2 + 4);
		return 0;
	}
	send_and_receive(3);
	child = fork_beside();
	if (!child) {
		send_and_receive(7);
		_exit(0);
	}
	send_and_receive(5);
	waitpid(child, 0, 0);
	printf("%d %d\n", child, 7);
	fflush(stdout);
	if (pthread_create(&thread, 0, become_first, 0))
		abort();
	pthread_join(thread, 0);
	abort();
}
