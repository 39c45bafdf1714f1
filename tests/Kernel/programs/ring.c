/*
 * A server or a client that accepts, connects, receives and sends by io_uring only, by its system calls: no library is needed.
 * ring server [async] prints its port; ring client PORT [async] reads lines "COUNT MS" and makes so many requests. With async, workers of the ring do the work.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ENTRIES = 64, MOST_FDS = 64, REQUEST = 64 };

static int ring, flags;
static unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static char buffers[MOST_FDS][REQUEST];

static void set_up(void)
{
	struct io_uring_params p = {};
	char *rings;

	ring = syscall(__NR_io_uring_setup, ENTRIES, &p);
	if (ring < 0 || !(p.features & IORING_FEAT_SINGLE_MMAP)) {
		perror("io_uring_setup");
		exit(1);
	}
	rings = mmap(0, p.cq_off.cqes + p.cq_entries * sizeof(*cqes) + p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	sqes = mmap(0, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	if (rings == MAP_FAILED || sqes == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	sq_tail = (void *)(rings + p.sq_off.tail);
	sq_mask = (void *)(rings + p.sq_off.ring_mask);
	sq_array = (void *)(rings + p.sq_off.array);
	cq_head = (void *)(rings + p.cq_off.head);
	cq_tail = (void *)(rings + p.cq_off.tail);
	cq_mask = (void *)(rings + p.cq_off.ring_mask);
	cqes = (void *)(rings + p.cq_off.cqes);
}

static void submit(int op, int fd, void *address, unsigned length, unsigned long long offset)
{
	unsigned tail = *sq_tail, at = tail & *sq_mask;

	sqes[at] = (struct io_uring_sqe){ .opcode = op, .flags = flags, .fd = fd, .addr = (unsigned long)address, .len = length, .off = offset, .user_data = (unsigned long long)op << 32 | fd };
	sq_array[at] = at;
	__atomic_store_n(sq_tail, tail + 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, ring, 1, 0, 0, 0, 0) != 1) {
		perror("io_uring_enter");
		exit(1);
	}
}

static struct io_uring_cqe next(void)
{
	struct io_uring_cqe one;

	while (*cq_head == __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE))
		syscall(__NR_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, 0, 0);
	one = cqes[*cq_head & *cq_mask];
	__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	return one;
}

static void burn(int ms)
{
	struct timespec now;
	long long end = 0, at;

	do {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
		at = now.tv_sec * 1000000000ll + now.tv_nsec;
		if (!end)
			end = at + ms * 1000000ll;
	} while (at < end);
}

static int serve(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	alarm(120); /* a test that was killed leaves nobody behind */
	if (bind(listener, (void *)address, size) || listen(listener, 50) || getsockname(listener, (void *)address, &size))
		return 1;
	printf("%d\n", ntohs(address->sin_port));
	fflush(stdout);
	submit(IORING_OP_ACCEPT, listener, 0, 0, 0);
	while (1) {
		struct io_uring_cqe done = next();
		int fd = (int)done.user_data;

		switch (done.user_data >> 32) {
		case IORING_OP_ACCEPT:
			if (done.res < 0 || done.res >= MOST_FDS)
				return 1;
			submit(IORING_OP_RECV, done.res, buffers[done.res], REQUEST - 1, 0);
			submit(IORING_OP_ACCEPT, listener, 0, 0, 0);
			break;
		case IORING_OP_RECV:
			if (done.res <= 0) {
				close(fd);
				break;
			}
			buffers[fd][done.res] = 0;
			burn(atoi(buffers[fd]));
			submit(IORING_OP_SEND, fd, buffers[fd], done.res, 0);
			break;
		case IORING_OP_SEND:
			submit(IORING_OP_RECV, fd, buffers[fd], REQUEST - 1, 0);
			break;
		}
	}
}

static int ask(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), count, ms;
	char request[REQUEST];

	submit(IORING_OP_CONNECT, fd, address, 0, sizeof(*address));
	if (next().res)
		return 1;
	printf("ready\n");
	fflush(stdout);
	while (scanf("%d %d", &count, &ms) == 2) {
		alarm(60); /* an answer that never comes is a failure, not a test without end */
		while (count--) {
			submit(IORING_OP_SEND, fd, request, snprintf(request, sizeof(request), "%d", ms), 0);
			if (next().res <= 0)
				return 1;
			submit(IORING_OP_RECV, fd, request, sizeof(request), 0);
			if (next().res <= 0)
				return 1;
		}
		alarm(0);
		printf("done\n");
		fflush(stdout);
	}
	return 0;
}

int main(int count, char **words)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int is_client = count > 2 && !strcmp(words[1], "client");

	if (!strcmp(words[count - 1], "async"))
		flags = IOSQE_ASYNC;
	set_up();
	if (!is_client)
		return serve(&address);
	address.sin_port = htons(atoi(words[2]));
	return ask(&address);
}
