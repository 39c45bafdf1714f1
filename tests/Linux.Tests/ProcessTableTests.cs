using System.Diagnostics;
using VirtualServices.Linux.Processes;
using VirtualServices.Linux.Sockets;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Linux.Tests;

public sealed class ProcessTableTests
{
    [Fact]
    public void Own_process_is_read_as_the_runtime_knows_it()
    {
        ProcessRecord? own = ProcessTable.TryRead(Environment.ProcessId);
        Assert.NotNull(own);
        Assert.Equal(Environment.ProcessPath, own.Exe);
        Assert.StartsWith("/", own.Cgroup, StringComparison.Ordinal);
        Assert.Contains(Environment.ProcessId, ProcessTable.Threads(Environment.ProcessId));
        DateTimeOffset boot = DateTimeOffset.UtcNow - TimeSpan.FromMilliseconds(Environment.TickCount64);
        DateTimeOffset started = boot + TimeSpan.FromMilliseconds(own.StartTimeNs / 1e6);
        Assert.Equal(Process.GetCurrentProcess().StartTime.ToUniversalTime(), started.UtcDateTime, TimeSpan.FromSeconds(2));
    }

    [Fact]
    public void A_process_that_is_gone_reads_as_none()
    {
        using Process child = Process.Start("/bin/true");
        child.WaitForExit();
        Assert.Null(ProcessTable.TryRead(child.Id));
        Assert.Empty(ProcessTable.Threads(child.Id));
    }

    [Fact]
    public async Task Pid_selector_takes_descendants_and_never_this_process()
    {
        using Process shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "sleep 60 & echo $!; wait"]) { RedirectStandardOutput = true })!;
        try
        {
            int sleeper = int.Parse((await shell.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!, System.Globalization.CultureInfo.InvariantCulture);
            ProcessTable table = ProcessTable.Scan();
            HashSet<int> chosen = SelectorResolver.Resolve([new Selector(SelectorKind.Pid, $"{Environment.ProcessId}")], table, SocketTable.Dump());
            Assert.Contains(shell.Id, chosen);
            Assert.Contains(sleeper, chosen);
            Assert.DoesNotContain(Environment.ProcessId, chosen);
        }
        finally
        {
            shell.Kill(entireProcessTree: true);
        }
    }

    [Theory]
    [InlineData("7 (a b) c) S 12 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 0", "a b) c", 12, 123_450_000_000)]
    [InlineData("7 ()) R 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 1 0", ")", 1, 10_000_000)]
    public void Names_with_parentheses_do_not_shift_the_fields(string stat, string comm, int parent, long start)
    {
        Assert.True(ProcessReader.TryParseStat(stat, out string readComm, out int readParent, out long readStart));
        Assert.Equal((comm, parent, start), (readComm, readParent, readStart));
    }

    [Theory]
    [InlineData("Name:\tping\nUid:\t1000\t0\t0\t0\nGid:\t7\t7\t7\t7\n", 1000u)]
    [InlineData("Name:\tUid:\nUid:\t5\t6\t7\t8", 5u)]
    [InlineData("Name:\tx\n", uint.MaxValue)]
    public void The_user_is_the_real_one(string status, uint uid) => Assert.Equal(uid, ProcessReader.ParseUid(status));

    [Fact]
    public void A_scanned_process_has_its_real_user()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root may start a process whose real and effective users differ");
        using Process sleeper = Process.Start("setpriv", ["--ruid", "65534", "sleep", "60"]);
        try
        {
            // It becomes sleep, and gets its users, after it was started.
            Assert.True(SpinWait.SpinUntil(() => ProcessTable.TryRead(sleeper.Id)?.Comm == "sleep", TimeSpan.FromSeconds(20)));
            Assert.Contains("\nUid:\t65534\t0\t", File.ReadAllText($"/proc/{sleeper.Id}/status"), StringComparison.Ordinal);
            ProcessRecord scanned = Assert.Single(ProcessTable.Scan().Processes, process => process.Pid == sleeper.Id);
            Assert.Equal(65534u, scanned.Uid);
            Assert.True(SelectorResolver.Matches(new Selector(SelectorKind.Uid, "65534"), scanned));
            Assert.False(SelectorResolver.Matches(new Selector(SelectorKind.Uid, "0"), scanned));
        }
        finally
        {
            sleeper.Kill();
        }
    }

    [Theory]
    [InlineData("0::/system.slice/shop.service/worker\n", "/system.slice/shop.service/worker", "shop.service")]
    [InlineData("9:name=systemd:/user.slice/session-2.scope\n1:cpu:/x\n0::/\n", "/user.slice/session-2.scope", "session-2.scope")]
    [InlineData("9:name=systemd:/\n3:cpu,cpuacct:/tenants/a:b\n0::/\n", "/tenants/a:b", "")]
    [InlineData("9:name=systemd:/\n4:memory:/elsewhere\n1:cpu:/\n0::/\n", "/", "")]
    [InlineData("", "/", "")]
    public void Cgroup_is_the_first_hierarchy_that_tells_something(string text, string cgroup, string unit)
    {
        Assert.Equal(cgroup, ProcessReader.ParseCgroup(text));
        Assert.Equal(unit, ProcessReader.ParseUnit(cgroup));
    }

    [Theory]
    [InlineData("cgroup:/a", "/a", true)]
    [InlineData("cgroup:/a", "/a/b", true)]
    [InlineData("cgroup:/a/", "/a/b", true)]
    [InlineData("cgroup:/a", "/ab", false)]
    [InlineData("cgroup:/", "/ab", true)]
    [InlineData("unit:s.service", "/system.slice/s.service/x.scope", true)]
    [InlineData("unit:s.service", "/system.slice/not-s.service", false)]
    public void Cgroup_and_unit_selectors_compare_whole_components(string selector, string cgroup, bool matches)
    {
        Assert.True(Selector.TryParse(selector, out Selector parsed, out string error), error);
        ProcessRecord process = new(5, 1, "x", "/bin/x", "x", cgroup, "", 0, 0, "");
        Assert.Equal(matches, SelectorResolver.Matches(parsed, process));
    }
}
