using VirtualServices.Enforce.Watching;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Tests;

public sealed class UseRatesTests
{
    [Fact]
    public void Differences_become_rates_and_idle_ones_are_entitled_to_nothing()
    {
        EnforcementStatus before = Status(Start, ("a", "", 100, Counts(1_000_000_000, 0, 10, 1)), ("b", "", 300, Counts(5, 5, 5, 5)), ("idle", "", 100, Counts(7_000, 0, 0, 0)));
        EnforcementStatus after = Status(Start, ("a", "", 100, Counts(2_000_000_000, 500_000_000, 30, 2)), ("b", "", 300, Counts(3_000_000_005, 5, 5, 5)), ("idle", "", 100, Counts(7_900, 0, 0, 0)));
        IReadOnlyList<VirtualServiceRate> rates = UseRates.Between(before, after, 2, 4);
        Assert.Equal([("a", 0.5, 1.0), ("b", 1.5, 3.0), ("idle", 4.5e-7, 0.0)], rates.Select(rate => (rate.Name, rate.Total.Cpus, rate.Entitled)));
        Assert.Equal(new UseRate(0.5, 0.25, 10, 0.5), rates[0].Total);
        Assert.Equal(new ServiceRate("db", new UseRate(0.5, 0.25, 10, 0.5), Counts(2_000_000_000, 500_000_000, 30, 2)), Assert.Single(rates[0].Services));
    }

    [Fact]
    public void Who_only_waits_is_active() =>
        Assert.Equal(1, UseRates.Between(Status(Start, ("a", "", 100, default)), Status(Start, ("a", "", 100, Counts(0, 1_000_000_000, 0, 0))), 1, 1)[0].Entitled);

    [Fact]
    public void Counts_that_fall_are_no_use_and_another_enforcement_begins_at_nothing()
    {
        EnforcementStatus before = Status(Start, ("a", "", 100, Counts(900, 900, 900, 900)));
        Assert.Equal(default, UseRates.Between(before, Status(Start, ("a", "", 100, Counts(800, 800, 800, 800))), 1, 1)[0].Total);
        EnforcementStatus anew = Status(Start.AddHours(1), ("a", "", 100, Counts(500_000_000, 0, 7, 0)));
        Assert.Equal(new UseRate(0.5, 0, 7, 0), UseRates.Between(before, anew, 1, 1)[0].Total);
    }

    [Fact]
    public void No_time_and_no_enforcement_give_no_rates()
    {
        Assert.Equal(default, UseRates.Between(EnforcementStatus.Nothing, Status(Start, ("a", "", 100, Counts(900, 900, 900, 900))), 0, 1)[0].Total);
        Assert.Empty(UseRates.Between(Status(Start, ("a", "", 100, default)), EnforcementStatus.Nothing, 1, 1));
    }

    private static DateTimeOffset Start { get; } = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static UseCounts Counts(long cpu, long wait, long requests, long unknown) => new(cpu, 1, 1, wait, requests, unknown);

    private static EnforcementStatus Status(DateTimeOffset since, params (string Name, string Parent, int Weight, UseCounts Counts)[] all) => EnforcementStatus.Nothing with
    {
        Since = since,
        VirtualServices = [.. all.Select(vs => new VirtualServiceUse(vs.Name, vs.Parent, vs.Counts, vs.Counts, new VirtualServiceShare(new CpuShare(vs.Weight), new NetworkShare(), null, null)))],
        Use = [.. all.Select(vs => new ServiceUse(vs.Name, "db", vs.Counts))],
    };
}
