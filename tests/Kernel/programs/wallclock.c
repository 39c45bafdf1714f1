/* Preloaded into a program: a wall clock that somebody sets an hour ahead when the file named by VS_TEST_STEP appears. The machine's own stays as it is. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
	int failed = syscall(SYS_clock_gettime, clock, time);

	if (!failed && clock == CLOCK_REALTIME && !access(getenv("VS_TEST_STEP"), F_OK))
		time->tv_sec += 3600;
	return failed;
}
