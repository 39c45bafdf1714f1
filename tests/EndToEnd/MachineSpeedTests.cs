using VirtualServices.Bench.Siblings;
using VirtualServices.Cli.Demo;

namespace VirtualServices.EndToEnd;

/// <summary>What is measured must be measured on a busy machine, too.</summary>
public sealed class MachineSpeedTests : IDisposable
{
    private readonly DemoCgroups _cgroups = DemoCgroups.Create("vs-test-speed");
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-test-").FullName;

    [Fact]
    public async Task Each_processor_is_measured_beside_a_cgroup_that_lets_hardly_anybody_else_run()
    {
        Requirements.SkipUnlessMet();
        TimeSpan settle = TimeSpan.FromSeconds(1), window = TimeSpan.FromSeconds(0.5);
        using MachineSpeed speed = MachineSpeed.Start();
        await using BusySibling sibling = await BusySibling.StartAsync(_cgroups, _folder, clientsToo: true, Site.Cancel);
        using Child one = Child.Start(["/bin/sh", "-c", "while :; do :; done"]), other = Child.Start(["/bin/sh", "-c", "while :; do :; done"]);
        await Task.Delay(settle, Site.Cancel);
        DateTime from = DateTime.UtcNow;
        await Task.Delay(4 * window, Site.Cancel);
        // Without real-time priority a thread waits for one to two seconds, where the kernel has the fault (docs/performance.md).
        for (int i = 0; i < 4; i++) Assert.True(double.IsFinite(speed.Within(from + i * window, from + (i + 1) * window)), $"a processor was not measured in window {i} of 4");
    }

    public void Dispose()
    {
        _cgroups.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
