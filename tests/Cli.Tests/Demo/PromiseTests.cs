using VirtualServices.Cli.Demo;

namespace VirtualServices.Cli.Tests.Demo;

public sealed class PromiseTests
{
    private const int Victim = 1000;
    private const int Aggressor = 5000;

    [Fact]
    public void It_holds_at_its_very_limits() =>
        Assert.All(Promise.Examine(Arm(10, Victim), Arm(250, 700), Arm(25, Victim, 4500), 0.97), promise => Assert.True(promise.Holds, promise.Text));

    [Theory]
    [InlineData(949, 10, 250, 25, 4500, 0.97, "valid run")]
    [InlineData(1000, 10, 300, 26, 4500, 0.97, "times that alone")]
    [InlineData(1000, 10, 249, 25, 4500, 0.97, "times better than with cgroups")]
    [InlineData(1000, 10, 250, 25, 4499, 0.97, "the aggressor keeps")]
    [InlineData(1000, 10, 250, 25, 4500, 0.9699, "charged to the right")]
    public void Each_part_that_is_broken_is_named_alone(int reached, double alone, double cgroups, double shared, int kept, double right, string part)
    {
        IReadOnlyList<Promise> promises = Promise.Examine(Arm(alone, reached), Arm(cgroups, 700), Arm(shared, Victim, kept), right);
        Assert.Contains(part, Assert.Single(promises, promise => !promise.Holds).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_slower_machine_takes_nothing_from_the_aggressor()
    {
        Assert.All(Promise.Examine(Arm(10, Victim), Arm(250, 700), Arm(25, Victim, 3000, 0.6), 1), promise => Assert.True(promise.Holds, promise.Text));
        Assert.Contains(Promise.Examine(Arm(10, Victim), Arm(250, 700, Aggressor, 0.6), Arm(25, Victim, 4500), 1), promise => !promise.Holds);
    }

    [Fact]
    public void What_was_not_measured_does_not_hold()
    {
        ArmResult nothing = new(ArmResult.Alone, 100);
        Assert.All(Promise.Examine(nothing, nothing, nothing, double.NaN), promise => Assert.False(promise.Holds, promise.Text));
    }

    // Ten seconds in which every transaction took the same time.
    private static ArmResult Arm(double latencyMs, int victim, int aggressor = Aggressor, double speed = 1)
    {
        DateTime from = new(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        ArmResult arm = new("arm", Victim / 10);
        arm.Victim.Add(Enumerable.Repeat(new Transaction(from, latencyMs), victim), from, from.AddSeconds(10), 1);
        arm.Aggressor.Add(Enumerable.Repeat(new Transaction(from, latencyMs), aggressor), from, from.AddSeconds(10), speed);
        return arm;
    }
}
