using System.Diagnostics;
using VirtualServices.Discover.Recording;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Kernel.Tests;

/// <summary>What is done to the recorder from outside: its disk, its clock, others of its kind.</summary>
public sealed class DisturbedRecorderTests : IDisposable
{
    private const int Terminate = 15;
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-disturbed").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [RootTheory]
    [InlineData("none", "cannot write the session's events: No space left on device")]
    [InlineData("lo", "cannot write the session")] // events or packets, whichever is first
    public void On_a_full_disk_it_ends_and_says_so_and_what_was_written_can_be_read(string packets, string said)
    {
        using EchoServer server = new(Path.Combine(_folder, "server.sock"));
        string disk = Directory.CreateDirectory(Path.Combine(_folder, "disk")).FullName, kept = Path.Combine(_folder, "kept");

        // A small disk that only this shell and its children see.
        const string Script = "disk=$1 kept=$2; shift 2; mount -t tmpfs -o size=256k vs-test \"$disk\" || exit 99; \"$@\"; code=$?; cp -r \"$disk/session\" \"$kept\"; exit $code";
        using Process recorder = Process.Start(new ProcessStartInfo("unshare", ["--mount", "sh", "-c", Script, "sh", disk, kept, "dotnet", Vs, "record", "-o", $"{disk}/session", "--service", $"echo=pid:{server.Pid}", "--packets", packets]) { RedirectStandardError = true })!;
        Assert.StartsWith("recording to", recorder.StandardError.ReadLine(), StringComparison.Ordinal);
        using EchoClient client = new("4", $"{server.Port4}");
        long began = Stopwatch.GetTimestamp();
        while (!recorder.HasExited && Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(20)) client.Call(100);
        Assert.True(recorder.WaitForExit(TimeSpan.FromSeconds(10)), "it goes on with a full disk");
        string errors = recorder.StandardError.ReadToEnd();
        Assert.Contains(said, errors, StringComparison.Ordinal);
        Assert.Contains(SessionWriter.Kept, errors, StringComparison.Ordinal);
        Assert.Equal((int)ExitCode.HostLacks, recorder.ExitCode);

        List<SessionEvent> events = Recorded.Read(kept, out SessionReader reader);
        Assert.True(reader.Truncated);
        Assert.False(reader.Info.EndedCleanly);
        Assert.True(events.Count(e => e.Call == CallKind.Receive && e.Result == 100) > 100);
        Assert.NotEmpty(reader.Info.Processes);
    }

    [RootFact]
    public void A_wall_clock_that_is_set_meanwhile_moves_no_event()
    {
        string library = TestProgram.Compile("wallclock", _folder, library: true), step = Path.Combine(_folder, "step"), session = Path.Combine(_folder, "session");
        using EchoServer server = new(Path.Combine(_folder, "server.sock"));
        ProcessStartInfo start = new("dotnet", [Vs, "record", "-o", session, "--service", $"echo=pid:{server.Pid}"]) { RedirectStandardError = true };
        start.Environment["LD_PRELOAD"] = library;
        start.Environment["VS_TEST_STEP"] = step;
        using Process recorder = Process.Start(start)!;
        Assert.StartsWith("recording to", recorder.StandardError.ReadLine(), StringComparison.Ordinal);
        using EchoClient client = new("4", $"{server.Port4}");
        long before = HostClock.MonotonicNs();
        client.Call(10);
        File.WriteAllText(step, "");
        client.Call(10);
        long after = HostClock.MonotonicNs();
        Assert.Equal(0, Tmds.Linux.LibC.kill(recorder.Id, Terminate)); // SIGINT is ignored by what a shell started in the background
        Assert.True(recorder.WaitForExit(TimeSpan.FromSeconds(20)), "it goes on");
        Assert.Equal(0, recorder.ExitCode);

        SessionEvent[] received = [.. Recorded.Read(session, out SessionReader reader).Where(e => e.Call == CallKind.Receive && e.Result == 100)];
        Assert.Equal(20, received.Length);
        Assert.All(received[1..], e => Assert.InRange(e.TimeNs, before, after));
        Assert.InRange(reader.Info.Clock.EndNs, after, HostClock.MonotonicNs());
        Assert.InRange(reader.Info.Clock.UtcOffsetNs - HostClock.Now().UtcOffsetNs, -10_000_000, 10_000_000);
    }

    [RootFact]
    public void With_a_clock_of_its_own_it_is_refused()
    {
        string session = Path.Combine(_folder, "session");
        using Process recorder = Process.Start(new ProcessStartInfo("unshare", ["--time", "--fork", "--monotonic", "1000000", "--boottime", "1000000", "dotnet", Vs, "record", "-o", session, "--", "true"]) { RedirectStandardError = true })!;
        string errors = recorder.StandardError.ReadToEnd();
        recorder.WaitForExit();
        Assert.Contains("time name space", errors, StringComparison.Ordinal);
        Assert.Equal((int)ExitCode.HostLacks, recorder.ExitCode);
        Assert.False(Directory.Exists(session));
    }

    [RootTheory]
    [InlineData(RecordLevel.Syscalls, RecordLevel.Syscalls)]
    [InlineData(RecordLevel.Sockets, RecordLevel.Syscalls)]
    [InlineData(RecordLevel.Sockets, RecordLevel.Sockets)]
    public void Two_at_once_each_record_all(RecordLevel first, RecordLevel second)
    {
        using EchoServer server = new(Path.Combine(_folder, "server.sock"));
        using EchoClient client = new("4", $"{server.Port4}");
        client.Call(1);
        RecordResult inner = null!;
        RecordResult outer = Recorded.While(Options("outer", first), () =>
        {
            client.Call(10);
            inner = Recorded.While(Options("inner", second), () => client.Call(20));
            client.Call(30);
        });
        Assert.Equal((0, 0), (outer.Lost, inner.Lost));
        Assert.Equal((60, 20), (Echoes("outer"), Echoes("inner")));

        RecorderOptions Options(string name, RecordLevel level) => new(Path.Combine(_folder, name), [Recorded.Pid("echo", server.Pid)]) { Level = level };

        int Echoes(string name) => Recorded.Read(Path.Combine(_folder, name), out _).Count(e => e.Call == CallKind.Send && e.Result == 100);
    }

    [RootFact]
    public void Of_two_that_start_with_the_same_folder_one_has_it()
    {
        string session = Path.Combine(_folder, "session");
        using Process one = Start("one"), other = Start("other");
        string said = one.StandardError.ReadToEnd() + other.StandardError.ReadToEnd();
        one.WaitForExit();
        other.WaitForExit();
        Assert.True(new[] { 0, (int)ExitCode.Usage }.SequenceEqual(new[] { one.ExitCode, other.ExitCode }.Order()), said);
        Recorded.Read(session, out SessionReader reader);
        Assert.False(reader.Truncated);
        Assert.True(reader.Info.EndedCleanly);
        Assert.Equal(one.ExitCode == 0 ? "one" : "other", reader.Info.Services[0].Name);

        Process Start(string name) => Process.Start(new ProcessStartInfo("dotnet", [Vs, "record", "-o", session, "--duration", "1s", "--service", $"{name}=pid:{Environment.ProcessId}"]) { RedirectStandardError = true })!;
    }

    private static string Vs => Path.Combine(AppContext.BaseDirectory, "vs.dll");
}
