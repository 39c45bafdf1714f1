using System.Diagnostics;
using VirtualServices.Discover.Recording;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;

namespace VirtualServices.Discover.Tests;

public sealed class RecordedCommandTests
{
    [Fact]
    public void A_command_that_is_ended_takes_along_what_it_started()
    {
        HashSet<int> all = [];
        using (RecordedCommand command = RecordedCommand.StartStopped(["sh", "-c", "sleep 300 & sleep 300 & wait"]))
        {
            command.Continue();
            for (Stopwatch waited = Stopwatch.StartNew(); all.Count < 3 && waited.Elapsed < TimeSpan.FromSeconds(10); Thread.Sleep(10))
                ProcessTable.Scan().AddWithDescendants(command.Pid, all);
            Assert.Equal(3, all.Count);
        }

        Assert.DoesNotContain(all, pid => ProcessTable.TryRead(pid) is { CommandLine: "sleep 300" });
    }

    [Theory]
    [InlineData("/no/such/program", "cannot start '/no/such/program': expected a program that can be executed")]
    [InlineData("no-such-program-anywhere", "cannot start 'no-such-program-anywhere': expected a program that can be executed, there is none of that name in PATH")]
    [InlineData("/etc/passwd", "cannot start '/etc/passwd': expected a program that can be executed")]
    [InlineData("/etc", "cannot start '/etc': expected a program that can be executed")]
    [InlineData("", "cannot start '': expected a program that can be executed, there is none of that name in PATH")]
    public void What_is_no_program_is_refused_before_anything_is_made(string name, string sentence)
    {
        string folder = Path.Combine(Path.GetTempPath(), $"vs-no-session-{Environment.ProcessId}");
        VsException error = Assert.Throws<VsException>(() => Recorder.Run(new RecorderOptions(folder, []) { Command = [name] }, CancellationToken.None));
        Assert.Equal((ExitCode.Usage, sentence), (error.ExitCode, error.Message));
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void Programs_are_found_as_a_shell_finds_them()
    {
        RecordedCommand.RequireProgram("sh");
        RecordedCommand.RequireProgram("/bin/sh");
    }

    [Fact]
    public void A_process_that_two_services_choose_is_told_with_the_service_that_has_it()
    {
        using Process sleep = Process.Start("sleep", ["300"]);
        try
        {
            Selector pid = new(SelectorKind.Pid, $"{sleep.Id}");
            Service[] services = [new("a", [pid]), new("b", [pid])];
            Targets targets = Targets.Resolve(services, isAlone: true, out _);
            Assert.Equal([$"services 'a' and 'b' both choose process {sleep.Id} (sleep): recorded as 'a'"], targets.ChosenTwice(services));
            Assert.Equal(0u, targets.Services[sleep.Id]);
            Assert.Empty(targets.ChosenTwice(services[..1]));
        }
        finally
        {
            sleep.Kill();
            sleep.WaitForExit();
        }
    }

    [Theory]
    [InlineData("db")]
    [InlineData("cron:x")]
    public void A_recording_offers_the_kinds_that_choose_processes(string text)
    {
        string message = Assert.Throws<VsException>(() => ServiceNames.Parse([text])).Message;
        Assert.EndsWith("one of unit, cgroup, uid, exe, pid, listen", message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_chooses_connections_is_refused_with_the_reason()
    {
        foreach (string selector in (string[])["client:10.0.0.0/8", "host:shop.example"])
            Assert.Contains("it chooses connections, not processes: use one of unit, cgroup, uid, exe, pid, listen", Assert.Throws<VsException>(() => ServiceNames.Parse([$"web={selector}"])).Message, StringComparison.Ordinal);
    }
}
