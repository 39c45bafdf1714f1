/* trace PID: stops that process at each of its system calls, as a debugger does, until it is killed. Prints "tracing" when it has begun. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

int main(int count, char **words)
{
	int pid = count > 1 ? atoi(words[1]) : 0, status;

	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) || ptrace(PTRACE_INTERRUPT, pid, 0, 0)) {
		perror("ptrace");
		return 1;
	}
	for (long calls = 0; waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status); calls++) {
		int signal = WSTOPSIG(status);

		if (signal == (SIGTRAP | 0x80) || signal == SIGTRAP)
			signal = 0;
		if (calls == 0) {
			printf("tracing\n");
			fflush(stdout);
		}
		ptrace(PTRACE_SYSCALL, pid, 0, signal);
	}
	return 0;
}
