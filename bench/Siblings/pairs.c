// pairs PAIRS MICROSECONDS [CGROUP]: pairs of processes that take turns over pipes, as a client and its server do: one computes for so long, the other for a tenth of it. Ends with its parent.
// With CGROUP (a folder) the servers go there, the clients stay where they are.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static long long cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void compute(long long nanoseconds)
{
    for (long long end = cpu() + nanoseconds; cpu() < end;);
}

static void enter(const char *cgroup)
{
    char file[4096];
    snprintf(file, sizeof file, "%s/cgroup.procs", cgroup);
    FILE *members = fopen(file, "w");
    if (!members || fputs("0", members) < 0 || fclose(members)) {
        perror(file);
        exit(1);
    }
}

static void take_turns(int in, int out, long long nanoseconds)
{
    char token;
    while (read(in, &token, 1) == 1) {
        compute(nanoseconds);
        if (write(out, &token, 1) != 1) break;
    }
    exit(0);
}

static int begin(void)
{
    int child = fork();
    if (child < 0) {
        perror("fork");
        exit(1);
    }
    if (child == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
    return child == 0;
}

int main(int count, char **words)
{
    if (count < 3) return fprintf(stderr, "usage: pairs PAIRS MICROSECONDS [CGROUP]\n"), 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    long long nanoseconds = atoll(words[2]) * 1000;
    for (int i = 0; i < atoi(words[1]); i++) {
        int ask[2], answer[2];
        if (pipe(ask) || pipe(answer)) return perror("pipe"), 1;
        if (begin()) {
            if (count > 3) enter(words[3]);
            take_turns(ask[0], answer[1], nanoseconds);
        }
        if (begin()) take_turns(answer[0], ask[1], nanoseconds / 10);
        if (write(ask[1], "", 1) != 1) return perror("write"), 1;
        for (int end = 0; end < 2; end++) close(ask[end]), close(answer[end]);
    }
    pause();
}
