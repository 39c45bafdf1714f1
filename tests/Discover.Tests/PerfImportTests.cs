using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Tests;

/// <summary>The golden file was recorded with perf 6.1 of a real redis-server.</summary>
public sealed class PerfImportTests
{
    [Fact]
    public void A_server_shows_what_its_client_did()
    {
        // redis-cli: one SET on one connection; the read that ends it gives 0.
        using Imported session = Imported.Perf(Imported.Golden("redis.perf"));
        Assert.Equal(1, session.Count(CallKind.Accept));
        Assert.Equal([27, 0], session.Events.Where(e => e.Call == CallKind.Receive).Select(e => e.Result));
        Assert.Equal([5], session.Events.Where(e => e.Call == CallKind.Send).Select(e => e.Result));
        Assert.Equal(1, session.Count(CallKind.Close));
        Assert.True(session.Count(CallKind.Wake) >= 1);
        Assert.Single(session.Info.Services, service => service.Name == "redis-server");
    }

    [Fact]
    public void Threads_processes_and_cpu_time_are_told_by_the_scheduler()
    {
        using Imported session = Imported.PerfText(
            """
            a b 10/10 [000] 1.000001: sched:sched_process_fork: comm=a b pid=10 child_comm=a b child_pid=11
            a b 10/10 [000] 1.000002: sched:sched_process_fork: comm=a b pid=10 child_comm=a b child_pid=12
            a b 10/11 [001] 1.000003: syscalls:sys_enter_accept: fd: 0x00000003, upeer_sockaddr: 0x00000000, upeer_addrlen: 0x00000000
            a b 10/11 [001] 1.000004: sched:sched_stat_runtime: comm=a b pid=11 runtime=1500 [ns] vruntime=1 [ns]
            a b 10/11 [001] 1.000005: syscalls:sys_exit_accept: 0x4
            a b 12/12 [000] 1.000006: sched:sched_process_exec: filename=/usr/bin/other pid=12 old_pid=12
            a b 10/10 [000] 1.000007: syscalls:sys_enter_recvfrom: fd: 0x00000004, ubuf: 0x1, size: 0x00000010, flags: 0x00000000
            a b 10/10 [000] 1.000009: syscalls:sys_exit_recvfrom: 0x7
            other 12/12 [000] 1.000010: sched:sched_process_exit: comm=other pid=12 prio=120
            """);
        SessionEvent[] forks = [.. session.Events.Where(e => e.Call == CallKind.Fork)];
        Assert.Equal([(10, 11), (12, 12)], forks.Select(e => (e.ChildPid, e.Child)));
        SessionEvent accept = session.Events.Single(e => e.Call == CallKind.Accept), receive = session.Events.Single(e => e.Call == CallKind.Receive);
        Assert.Equal(accept.Socket, receive.Socket); // threads share descriptors
        Assert.Equal((1500ul, 2000u), (accept.CpuNs, receive.DurationNs));
    }

    [Fact]
    public void A_file_of_something_else_is_refused_with_what_was_expected()
    {
        VsException error = Assert.Throws<VsException>(() => Imported.PerfText("hello: world\n"));
        Assert.Equal(ExitCode.BadInput, error.ExitCode);
        Assert.Contains("expected output of perf script", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_change_of_a_trace_gives_a_session_or_one_error_with_exit_code_3() =>
        Fuzz.Change(File.ReadAllBytes(Imported.Golden("redis.perf")), 400, bytes => Imported.PerfText(System.Text.Encoding.UTF8.GetString(bytes)).Dispose());
}
