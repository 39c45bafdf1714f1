namespace VirtualServices.Enforce.Tests.Admission;

public sealed class AdmissionStationTests
{
    private const uint Aggressor = 2, Victim = 3;
    private const long Turn = 400_000, Second = 1_000_000_000;

    [Fact]
    public void A_victim_waits_for_two_turns_and_not_for_all_of_the_aggressors()
    {
        SimulatedLoop held = Crowd(true), free = Crowd(false);
        held.Run(4 * Second);
        free.Run(4 * Second);
        long with = held.DelaysNs[Victim].Skip(100).Order().ElementAt((int)(0.99 * (held.DelaysNs[Victim].Count - 100)));
        long without = free.DelaysNs[Victim].Order().ElementAt(free.DelaysNs[Victim].Count / 2);
        Assert.True(without > 20 * Turn / 2, $"without admission the victim waits {without} ns: the test proves nothing");
        Assert.True(with <= 3 * Turn, $"with admission it waits {with} ns");
    }

    [Fact]
    public void Who_asked_for_little_all_the_time_has_saved_nothing_up()
    {
        SimulatedLoop loop = Crowd(true);
        loop.Run(4 * Second);
        loop.Add(Victim, 100, 50, Turn, 50_000);
        long before = loop.CpuNs[Aggressor];
        loop.Run(Second);
        Assert.True(loop.CpuNs[Aggressor] - before > 0.35 * Second, $"in the second after the victim surges the other gets {loop.CpuNs[Aggressor] - before} ns");
    }

    [Fact]
    public void The_work_is_conserved()
    {
        SimulatedLoop held = Crowd(true), free = Crowd(false);
        held.Run(4 * Second);
        free.Run(4 * Second);
        Assert.True(held.CpuNs.Values.Sum() >= 0.97 * free.CpuNs.Values.Sum(), $"{held.CpuNs.Values.Sum()} of {free.CpuNs.Values.Sum()}");
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(1, 4)]
    public void Shares_follow_the_weights(int one, int other)
    {
        SimulatedLoop loop = new();
        loop.Add(Aggressor, one * 100, 20, Turn, 50_000);
        loop.Add(Victim, other * 100, 20, Turn, 50_000);
        loop.Run(2 * Second);
        long before = loop.CpuNs[Victim], all = loop.CpuNs.Values.Sum();
        loop.Run(8 * Second);
        double share = (double)(loop.CpuNs[Victim] - before) / (loop.CpuNs.Values.Sum() - all);
        Assert.InRange(share, (double)other / (one + other) - 0.02, (double)other / (one + other) + 0.02);
    }

    [Fact]
    public void Who_asks_alone_is_never_held()
    {
        SimulatedLoop loop = new();
        loop.Add(Aggressor, 100, 50, Turn, 50_000);
        loop.Run(2 * Second);
        Assert.False(loop.Station.Active);
        Assert.Equal(0, loop.Held);
    }

    [Fact]
    public void When_the_others_ask_no_more_everybody_is_let_go()
    {
        SimulatedLoop loop = Crowd(true);
        loop.Run(2 * Second);
        Assert.True(loop.Held > 0);
        loop.StopAsking(Victim);
        loop.Run(2 * Second);
        Assert.Equal(0, loop.Held);
    }

    [Fact]
    public void Nobody_starves()
    {
        SimulatedLoop loop = Crowd(true);
        for (uint vs = 10; vs < 20; vs++) loop.Add(vs, vs % 2 == 0 ? 1 : 10_000, 5, Turn, 50_000);
        loop.Run(10 * Second);
        Assert.All(loop.CpuNs, use => Assert.True(use.Value > 0, $"virtual service {use.Key} got nothing"));
    }

    [Fact]
    public void A_connection_that_closes_while_it_is_held_or_admitted_gives_its_place_back()
    {
        SimulatedLoop loop = Crowd(true);
        loop.Run(Second);
        for (ulong id = 1; id <= 49; id++) loop.Station.Closed(id, loop.Now);
        loop.Run(Second);
        long before = loop.CpuNs[Victim];
        loop.Run(Second);
        Assert.True(loop.CpuNs[Victim] > before);
        Assert.True(loop.Station.Tenants.Sum(tenant => tenant.Connections.Count) == 3);
    }

    [Fact]
    public void Who_asks_now_and_then_does_not_wait_in_the_queue_that_a_relay_keeps_for_its_own_connections()
    {
        SimulatedRelay held = Relay(true), free = Relay(false);
        held.Run(4 * Second);
        free.Run(4 * Second);
        long with = held.WaitsNs[Victim].Skip(100).Order().ElementAt((int)(0.95 * (held.WaitsNs[Victim].Count - 100))), without = free.WaitsNs[Victim].Order().ElementAt(free.WaitsNs[Victim].Count / 2);
        Assert.True(without > 20_000_000, $"without admission the victim waits {without} ns: the test proves nothing");
        Assert.True(with < without / 2, $"with admission it waits {with} ns, {without} without");
        Assert.True(held.Answered >= 0.95 * free.Answered, $"{held.Answered} of {free.Answered}");
    }

    private static SimulatedRelay Relay(bool governs)
    {
        SimulatedRelay relay = new(10) { Governs = governs };
        relay.Add(Aggressor, 24, 50_000);
        relay.Add(Victim, 4, 40_000_000);
        return relay;
    }

    private static SimulatedLoop Crowd(bool governs)
    {
        SimulatedLoop loop = new() { Governs = governs };
        loop.Add(Aggressor, 100, 50, Turn, 50_000);
        loop.Add(Victim, 100, 2, Turn, 20_000_000);
        return loop;
    }
}
