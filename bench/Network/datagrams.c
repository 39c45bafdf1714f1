/* datagrams PORT: answers each datagram with as many bytes as it asks for, in datagrams that fit into a packet, from one socket for all. A send that finds the socket's buffer full waits, as in most servers of one thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "datagrams.h"

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

int main(int count, char **arguments)
{
	struct sockaddr_in at = { .sin_family = AF_INET }, from;
	int server = socket(AF_INET, SOCK_DGRAM, 0);
	static char answer[LARGEST_DATAGRAM];
	struct asked asked;

	if (count != 2) {
		fprintf(stderr, "usage: datagrams PORT\n");
		return 2;
	}
	at.sin_port = htons(atoi(arguments[1]));
	if (bind(server, (void *)&at, sizeof(at)))
		fail("bind");
	printf("ready\n");
	fflush(stdout);
	while (1) {
		socklen_t size = sizeof(from);

		if (recvfrom(server, &asked, sizeof(asked), 0, (void *)&from, &size) != sizeof(asked))
			continue;
		memcpy(answer, &(struct answered){ asked.number }, sizeof(struct answered));
		for (long left = asked.bytes; left > 0; left -= LARGEST_DATAGRAM) {
			size_t length = left < LARGEST_DATAGRAM ? left : LARGEST_DATAGRAM;

			if (length < sizeof(struct answered))
				length = sizeof(struct answered);
			if (sendto(server, answer, length, 0, (void *)&from, size) < 0 && errno != ENOBUFS && errno != ECONNREFUSED)
				fail("sendto");
		}
	}
}
