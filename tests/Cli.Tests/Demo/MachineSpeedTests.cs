using VirtualServices.Cli.Demo;

namespace VirtualServices.Cli.Tests.Demo;

public sealed class MachineSpeedTests
{
    [Fact]
    public void Every_cpu_is_measured_and_what_was_not_measured_is_no_number()
    {
        DateTime from = DateTime.UtcNow;
        using MachineSpeed speed = MachineSpeed.Start();
        Assert.True(SpinWait.SpinUntil(() => speed.Within(from, DateTime.MaxValue) > 0, TimeSpan.FromSeconds(20)), "a CPU was never measured");
        Assert.True(double.IsFinite(speed.Within(from, DateTime.MaxValue)));
        Assert.True(double.IsNaN(speed.Within(from.AddDays(-2), from.AddDays(-1))));
    }
}
