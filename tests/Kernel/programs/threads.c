/* Serves each connection with a thread of its own; prints its port. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void *serve(void *connection)
{
	int fd = (int)(long)connection;
	char request[64];
	ssize_t length;

	while ((length = recv(fd, request, sizeof(request), 0)) > 0)
		send(fd, request, length, 0);
	close(fd);
	return 0;
}

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	alarm(120); /* a test that was killed leaves nobody behind */
	if (bind(listener, (void *)&address, size) || listen(listener, 50) || getsockname(listener, (void *)&address, &size))
		return 1;
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	while (1) {
		pthread_t thread;

		pthread_create(&thread, 0, serve, (void *)(long)accept(listener, 0, 0));
	}
}
