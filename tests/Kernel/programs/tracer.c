/* Traces a stopped process as gdb does (attach) or as strace does (seize), until its own input ends; then it lets go of it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	pid_t pid = count == 3 ? atoi(arguments[2]) : 0;
	int status = 0, seizes = count == 3 && !strcmp(arguments[1], "seize");
	char byte;

	alarm(120); /* a test that was killed leaves nobody behind */
	if (ptrace(seizes ? PTRACE_SEIZE : PTRACE_ATTACH, pid, 0, 0))
		return 1;
	if (seizes) {
		ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	} else {
		/* Who was stopped before does not stop again for us: a signal for it to report. */
		syscall(SYS_tkill, pid, SIGSTOP);
		ptrace(PTRACE_CONT, pid, 0, 0);
	}
	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		return 2;
	if (seizes)
		ptrace(PTRACE_LISTEN, pid, 0, 0);
	puts("traced");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	if (seizes) {
		ptrace(PTRACE_INTERRUPT, pid, 0, 0);
		waitpid(pid, &status, __WALL);
	}
	return ptrace(PTRACE_DETACH, pid, 0, 0) ? 3 : 0;
}
