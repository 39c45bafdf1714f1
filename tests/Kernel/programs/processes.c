/* Makes a thread or a process in the way it is told, and answers when it is there. All end when the input does. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int lives[2], ready[2];

/* Until the writing end is closed everywhere. */
static void *stay(void *told)
{
	char none;

	if (told)
		(void)!write(ready[1], "r", 1);
	(void)!read(lives[0], &none, 1);
	return NULL;
}

static void *becomes_cat(void *none)
{
	dup2(lives[0], 0);
	execl("/bin/sh", "sh", "-c", "printf r >&9; exec cat", NULL);
	return none;
}

static void leader(void *(*thread)(void *))
{
	pthread_t id;

	close(lives[1]);
	dup2(ready[1], 9);
	pthread_create(&id, NULL, thread, NULL);
	if (thread == stay) {
		/* The leader has ended a moment after this; its thread tells later. */
		(void)!write(ready[1], "r", 1);
		pthread_exit(NULL);
	}
	pthread_join(id, NULL);
	_exit(0);
}

int main(void)
{
	char line[16], none;
	pthread_t id;
	pid_t child;

	signal(SIGCHLD, SIG_IGN);
	if (pipe(lives) || pipe(ready))
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!strcmp(line, "thread")) {
			pthread_create(&id, NULL, stay, line);
		} else if (!strcmp(line, "vfork")) {
			dup2(ready[1], 9);
			child = vfork();
			if (!child) {
				close(lives[1]);
				dup2(lives[0], 0);
				execl("/bin/sh", "sh", "-c", "printf r >&9; exec cat", NULL);
				_exit(1);
			}
		} else {
			child = strcmp(line, "sibling") ? fork() : syscall(SYS_clone, CLONE_PARENT, 0, 0, 0, 0);
			if (!child && !strcmp(line, "sibling")) {
				close(lives[1]);
				stay(line);
				_exit(0);
			}
			if (!child)
				leader(strcmp(line, "leader") ? becomes_cat : stay);
		}
		if (read(ready[0], &none, 1) != 1)
			return 1;
		usleep(100000); /* a leader that was about to end has */
		puts(line);
		fflush(stdout);
	}
	/* A shared descriptor: the thread of vfork's parent has it, too. */
	_exit(0);
}
