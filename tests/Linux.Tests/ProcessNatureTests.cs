using System.Diagnostics;
using VirtualServices.Linux.Processes;

namespace VirtualServices.Linux.Tests;

public sealed class ProcessNatureTests
{
    [Fact]
    public void This_process_its_threads_and_kernel_threads_are_told_apart()
    {
        Assert.Equal((ProcessNature.Process, Environment.ProcessId), Of(Environment.ProcessId));
        int thread = ProcessTable.Threads(Environment.ProcessId).First(tid => tid != Environment.ProcessId);
        Assert.Equal((ProcessNature.Thread, Environment.ProcessId), Of(thread));
        Assert.Equal(ProcessNature.Absent, Of(0).Nature);
    }

    [Fact]
    public void A_process_that_nobody_waited_for_is_a_zombie()
    {
        using Process parent = Process.Start(new ProcessStartInfo("perl", ["-e", "$| = 1; my $child = fork or exit; print qq($child\\n); sleep 60"]) { RedirectStandardOutput = true })!;
        int child = int.Parse(parent.StandardOutput.ReadLine()!, System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(SpinWait.SpinUntil(() => Of(child).Nature == ProcessNature.Zombie, TimeSpan.FromSeconds(10)));
        parent.Kill();
        parent.WaitForExit();
    }

    [Theory]
    [InlineData("2 (kthreadd) S 0 0 0 0 -1 2129984 0", "", ProcessNature.KernelThread)]
    [InlineData("5 (a) b) (c) S 1 5 5 0 -1 4194560 0", "Name:\tx\nTgid:\t5\nPid:\t5\n", ProcessNature.Process)]
    [InlineData("5 (x) Z 1 5 5 0 -1 4194560 0", "Name:\tx\nTgid:\t5\n", ProcessNature.Zombie)]
    [InlineData("5 (x) S 1 5 5 0 -1 4194560 0", "Name:\tx\nTgid:\t4\n", ProcessNature.Thread)]
    [InlineData("5 (x", "", ProcessNature.Absent)]
    [InlineData("", "", ProcessNature.Absent)]
    [InlineData("5 (x) S 1 5", "Tgid", ProcessNature.Absent)]
    public void Files_are_read_as_the_kernel_writes_them(string stat, string status, ProcessNature nature) => Assert.Equal(nature, ProcessNatures.Parse(5, stat, status, out _));

    private static (ProcessNature Nature, int Process) Of(int pid)
    {
        ProcessNature nature = ProcessNatures.Of(pid, out int process);
        return (nature, process);
    }
}
