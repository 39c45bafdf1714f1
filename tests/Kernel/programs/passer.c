/* Accepts connections, prints its port, and passes each to a child that serves them all: the one who accepted never receives. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 64 };

union ancillary {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static void pass(int channel, int fd)
{
	char byte = 0;
	union ancillary ancillary = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &ancillary, .msg_controllen = sizeof(ancillary) };

	memcpy(CMSG_DATA(&ancillary.header), &fd, sizeof(fd));
	sendmsg(channel, &message, 0);
	close(fd);
}

static int taken(int channel)
{
	char byte;
	union ancillary ancillary;
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &ancillary, .msg_controllen = sizeof(ancillary) };
	int fd;

	if (recvmsg(channel, &message, 0) <= 0 || message.msg_controllen < sizeof(struct cmsghdr))
		return -1;
	memcpy(&fd, CMSG_DATA(&ancillary.header), sizeof(fd));
	return fd;
}

static int work(int channel)
{
	struct pollfd all[MOST] = { { channel, POLLIN, 0 } };
	int count = 1;
	char request[64];

	while (poll(all, count, -1) > 0) {
		for (int i = 1; i < count; i++) {
			ssize_t length;

			if (!all[i].revents)
				continue;
			length = recv(all[i].fd, request, sizeof(request), 0);
			if (length > 0) {
				send(all[i].fd, request, length, 0);
			} else {
				close(all[i].fd);
				all[i].fd = -1; /* poll passes over it */
			}
		}
		if (all[0].revents) {
			int fd = taken(channel);

			if (fd < 0 || count == MOST)
				return 0; /* the one who accepts has ended */
			all[count++] = (struct pollfd){ fd, POLLIN, 0 };
		}
	}
	return 1;
}

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), ends[2];

	alarm(120); /* a test that was killed leaves nobody behind */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return 1;
	if (!fork()) {
		close(ends[0]);
		return work(ends[1]);
	}
	close(ends[1]);
	if (bind(listener, (void *)&address, size) || listen(listener, 50) || getsockname(listener, (void *)&address, &size))
		return 1;
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	while (1)
		pass(ends[0], accept(listener, 0, 0));
}
