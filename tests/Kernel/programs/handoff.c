/* One thread hands work to another, so many times by each means; the other is asleep each time. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TIMES 20

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static int queued, counter, ends[2];

/* Before a worker ends: the one who joins it sleeps, so that its end is a wake. */
static void *end_of_work(void)
{
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	for (;;) {
		FILE *stat = fopen(path, "r");
		int asleep = stat && fgets(line, sizeof(line), stat) && strstr(line, ") S ");

		if (stat)
			fclose(stat);
		if (asleep || !stat)
			return 0;
		usleep(100);
	}
}

static void *by_condition(void *unused __attribute__((unused)))
{
	for (int i = 0; i < TIMES; i++) {
		pthread_mutex_lock(&lock);
		while (!queued)
			pthread_cond_wait(&more, &lock);
		queued--;
		pthread_mutex_unlock(&lock);
	}
	return end_of_work();
}

static void *by_eventfd(void *unused __attribute__((unused)))
{
	uint64_t value;

	for (int i = 0; i < TIMES; i++)
		if (read(counter, &value, 8) != 8)
			return 0;
	return end_of_work();
}

static void *by_pipe(void *unused __attribute__((unused)))
{
	char byte;

	for (int i = 0; i < TIMES; i++)
		if (read(ends[0], &byte, 1) != 1)
			return 0;
	return end_of_work();
}

int main(void)
{
	void *(*workers[])(void *) = { by_condition, by_eventfd, by_pipe };
	uint64_t one = 1;

	counter = eventfd(0, EFD_SEMAPHORE); /* each write is read once, also by a worker that is late */
	if (counter < 0 || pipe(ends))
		return 1;
	for (int means = 0; means < 3; means++) {
		pthread_t worker;

		pthread_create(&worker, 0, workers[means], 0);
		for (int i = 0; i < TIMES; i++) {
			usleep(3000);
			if (means == 0) {
				pthread_mutex_lock(&lock);
				queued++;
				pthread_cond_signal(&more);
				pthread_mutex_unlock(&lock);
			} else if (write(means == 1 ? counter : ends[1], &one, means == 1 ? 8 : 1) < 0) {
				return 1;
			}
		}
		pthread_join(worker, 0);
	}
	return 0;
}
