using System.Diagnostics;
using System.Globalization;
using VirtualServices.Discover.Recording;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Kernel.Tests;

/// <summary>Services that end, come back and start later; numbers that are used again.</summary>
public sealed class ServiceLivesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-lives").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [RootTheory]
    [InlineData(SelectorKind.Listen, RecordLevel.Syscalls)]
    [InlineData(SelectorKind.Listen, RecordLevel.Sockets)]
    [InlineData(SelectorKind.Exe, RecordLevel.Syscalls)]
    [InlineData(SelectorKind.Cgroup, RecordLevel.Syscalls)]
    public void A_service_that_is_killed_and_started_again_is_recorded_again(SelectorKind kind, RecordLevel level)
    {
        string program = TestProgram.Compile("threads", _folder);
        using TestGroup group = new();
        using Actor first = kind == SelectorKind.Listen ? Actor.Server("tcp4") : Actor.Compiled(program);
        group.Add(first.Pid);
        Selector selector = new(kind, kind switch { SelectorKind.Listen => $"tcp/{first.Where}", SelectorKind.Exe => program, _ => group.Path });
        Actor? second = null;
        long settled = 0;
        try
        {
            RecordResult result = Recorded.While(new RecorderOptions(Session, [new Service("server", [selector])]) { Level = level }, () =>
            {
                using (Actor client = Actor.Client(first)) client.Ask(3);
                first.Kill();
                second = kind == SelectorKind.Listen ? Actor.Successor(first) : Actor.Compiled(program);
                group.Add(second.Pid);
                using Actor early = Actor.Client(second);
                early.Ask();
                Wait.Until(() => ProcessesSoFar().Contains(second.Pid), "the new process is recorded");
                settled = Now();
                early.Ask(5);
                using Actor late = Actor.Client(second);
                late.Ask(7);
            });
            Assert.Equal(0, result.Lost);
            List<SessionEvent> events = Recorded.Read(Session, out SessionReader reader);
            Assert.Equal(3, events.Count(e => e.Pid == first.Pid && e.Call == CallKind.Receive && e.Result > 0));
            SessionEvent[] received = [.. events.Where(e => e.Pid == second!.Pid && e.Call == CallKind.Receive && e.Result > 0 && e.TimeNs + e.DurationNs > settled)];
            Assert.Equal([5, 7], received.GroupBy(e => e.Socket).Select(calls => calls.Count()));

            // The connection that was there before the process was found, and the one where the service is asked, are known as those that were there at the start.
            SocketRecord[] known = [.. reader.Info.Sockets.Where(socket => socket.Holders.Any(holder => holder.Pid == second!.Pid))];
            Assert.Equal([SocketRole.Server, SocketRole.Listener], known.Where(socket => socket.Description.Protocol == TransportProtocol.Tcp).Select(socket => socket.Description.Role).Order());
            Assert.Contains(known, socket => socket.Description.Id == received[0].Socket);
            Assert.Equal("server", Assert.Single(reader.Info.Processes, process => process.Pid == second!.Pid).Service);
            Assert.Equal(1, Assert.Single(reader.Info.Counts, count => count.Source.StartsWith("calls of processes that were found", StringComparison.Ordinal)).Unused);
        }
        finally
        {
            second?.Dispose();
        }
    }

    [RootFact]
    public void A_service_that_starts_after_the_recording_is_recorded_and_until_then_told_of()
    {
        string program = TestProgram.Compile("threads", _folder);
        using Actor other = Actor.Server("tcp4");
        Actor? late = null;
        List<string> warnings = [];
        try
        {
            RecordResult result = Recorded.While(
                new RecorderOptions(Session, [Recorded.Pid("other", other.Pid), new Service("late", [new Selector(SelectorKind.Exe, program)])]) { Warn = warnings.Add },
                () =>
                {
                    late = Actor.Compiled(program);
                    Wait.Until(() => ProcessesSoFar().Contains(late.Pid), "the new process is recorded");
                    using Actor client = Actor.Client(late);
                    client.Ask(5);
                });
            Assert.Contains($"exe:{program}", Assert.Single(warnings), StringComparison.Ordinal);
            SessionEvent[] received = [.. Recorded.Read(Session, out _).Where(e => e.Pid == late!.Pid && e.Call == CallKind.Receive && e.Result > 0)];
            Assert.Equal(5, received.Length);
            Assert.Equal("late", Assert.Single(result.Session.Processes, process => process.Pid == late!.Pid).Service);
        }
        finally
        {
            late?.Dispose();
        }
    }

    [RootTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_process_that_gets_the_number_of_one_that_ended_is_another(bool recorded)
    {
        // The second child asks for the number of the first (clone3 with set_tid); nobody else's numbers are touched. Each has its name from before the fork: the recorder may look at once.
        const string Script = """
            use Socket; $| = 1; my ($port) = @ARGV;
            sub child {
                socket(my $s, AF_INET, SOCK_STREAM, 0) or die; connect($s, pack_sockaddr_in($port, inet_aton('127.0.0.1'))) or die $!;
                syswrite($s, 'x' x $_[0]); sysread($s, my $b, 1000); <STDIN>; kill 9, $$;
            }
            <STDIN>; $0 = 'first'; my $pid = fork; child(3) unless $pid; print "$pid\n"; waitpid $pid, 0;
            my $tids = pack('i', $pid); my $arguments = pack('Q11', 0, 0, 0, 0, 17, 0, 0, 0, unpack('J', pack('P', $tids)), 1, 0);
            $0 = 'second'; my $again = syscall(435, $arguments, 88); die "clone3: $!" if $again < 0;
            child(5) unless $again; print "$again\n"; waitpid $again, 0; print "ended\n"; <STDIN>;
            """;
        using EchoServer server = new(Path.Combine(_folder, "server.sock"));
        using Process maker = Process.Start(new ProcessStartInfo("perl", ["-e", Script, server.Port4.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        int pid = 0;
        List<Service> services = [Recorded.Pid("echo", server.Pid)];
        if (recorded) services.Add(Recorded.Pid("clients", maker.Id));
        RecordResult result = Recorded.While(new RecorderOptions(Session, services), () =>
        {
            Tell();
            pid = int.Parse(maker.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
            Wait.Until(() => ProcessesSoFar().Count(one => one == pid) == 1, "the first child is known");
            Thread.Sleep(1.1 * Inventory.PeersAskedAgain); // sooner, the two are not told apart
            Tell();
            Assert.Equal($"{pid}", maker.StandardOutput.ReadLine());
            Wait.Until(() => ProcessesSoFar().Count(one => one == pid) == 2, "the second child is known");
            Tell();
            Assert.Equal("ended", maker.StandardOutput.ReadLine());
        });
        maker.Kill();

        ProcessRecord[] both = [.. result.Session.Processes.Where(process => process.Pid == pid)];
        Assert.Equal(["first", "second"], both.Select(process => process.Comm));
        Assert.True(both[0].StartTimeNs < both[1].StartTimeNs);
        Assert.All(both, process => Assert.Equal(recorded ? "clients" : "", process.Service));
        List<SessionEvent> events = Recorded.Read(Session, out _);
        SessionEvent[] echoed = [.. events.Where(e => e.Call == CallKind.Send && e.Result is 3 or 5 && e.Pid != pid && e.Pid != maker.Id)];
        Assert.Equal([3, 5], echoed.Select(e => e.Result));
        if (!recorded) return;
        Assert.Equal(
            [CallKind.Fork, CallKind.Send, CallKind.Exit, CallKind.Fork, CallKind.Send, CallKind.Exit],
            events.Where(e => e.ChildPid == pid && e.Call == CallKind.Fork || e.Pid == pid && (e.Call == CallKind.Exit || e.Call == CallKind.Send && e.Result is 3 or 5)).Select(e => e.Call));

        void Tell()
        {
            maker.StandardInput.WriteLine();
            maker.StandardInput.Flush();
        }
    }

    [RootTheory]
    [InlineData(RecordLevel.Syscalls)]
    [InlineData(RecordLevel.Sockets)]
    public void A_connection_between_the_same_addresses_as_one_before_is_another(RecordLevel level)
    {
        // A connection that is reset leaves both addresses free at once.
        const string Script = """
            use Socket; my ($port) = @ARGV; my $own = 0;
            for my $bytes (10, 20, 30) {
                socket(my $s, AF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
                bind($s, pack_sockaddr_in($own, inet_aton('127.0.0.1'))) or die "bind: $!"; ($own) = unpack_sockaddr_in(getsockname($s));
                connect($s, pack_sockaddr_in($port, inet_aton('127.0.0.1'))) or die "connect: $!";
                syswrite($s, 'x' x $bytes); my $got = 0; while ($got < $bytes) { $got += sysread($s, my $b, 1000) || die "echo: $!"; }
                close($s);
            }
            """;
        using EchoServer server = new(Path.Combine(_folder, "server.sock"));
        RecordResult result = Recorder.Run(
            new RecorderOptions(Session, [Recorded.Pid("echo", server.Pid)]) { Level = level, Command = ["perl", "-e", Script, server.Port4.ToString(CultureInfo.InvariantCulture)] },
            CancellationToken.None);
        Assert.Equal(0, result.CommandExitCode);
        List<SessionEvent> events = Recorded.Read(Session, out SessionReader reader);
        foreach ((CallKind made, SocketRole role) in new[] { (CallKind.Connect, SocketRole.Client), (CallKind.Accept, SocketRole.Server) })
        {
            ulong[] sockets = [.. events.Where(e => e.Call == made && e.Result >= 0).Select(e => e.Socket)];
            Assert.Equal(3, sockets.Distinct().Count());
            SocketDescription[] described = [.. sockets.Select(socket => reader.Descriptions.Last(description => description.Id == socket))];
            Assert.Single(described.Select(socket => (socket.Local, socket.Remote, socket.Role)).Distinct(), pair => pair.Role == role && pair.Local != Endpoint.None && pair.Remote != Endpoint.None);
            Assert.Equal([10, 20, 30], sockets.Select(socket => events.Where(e => e.Socket == socket && e.Call == CallKind.Receive && e.Result > 0).Sum(e => e.Result)));
        }
    }

    private string Session => Path.Combine(_folder, "session");

    // As of the last second: what a kill would leave.
    private IEnumerable<int> ProcessesSoFar() => SessionJson.Read(Path.Combine(Session, SessionJson.FileName)).Processes.Select(process => process.Pid);

    private static long Now() => (long)(Stopwatch.GetTimestamp() * (1e9m / Stopwatch.Frequency));
}
