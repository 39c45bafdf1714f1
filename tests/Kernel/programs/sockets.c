/* Two threads make and close sockets at the same time, and Ctrl-Z does not stop them. Tells how many calls made one, how many failed with EAGAIN, and how many in any other way. Begins when it reads something. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 2, CALLS = 40 };
static int made, refused, others;
static pthread_barrier_t together;

static void handle(int signal)
{
	(void)signal;
}

static void *make(void *none)
{
	for (int i = 0; i < CALLS; i++) {
		int fd;

		pthread_barrier_wait(&together);
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		__sync_fetch_and_add(fd >= 0 ? &made : errno == EAGAIN ? &refused : &others, 1);
		if (fd >= 0)
			close(fd);
	}
	return none;
}

int main(void)
{
	pthread_t threads[THREADS];
	char line[16];
	int held;

	signal(SIGTSTP, handle);
	alarm(120); /* a test that was killed leaves nobody behind */
	pthread_barrier_init(&together, 0, THREADS);
	if (read(0, line, sizeof(line)) <= 0 || (held = socket(AF_INET, SOCK_DGRAM, 0)) < 0)
		return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], 0, make, 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], 0);
	printf("%d %d %d\n", made, refused, others);
	fflush(stdout);
	return read(0, line, sizeof(line)) < 0; /* held until somebody has looked */
}
