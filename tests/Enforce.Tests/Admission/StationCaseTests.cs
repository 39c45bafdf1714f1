using VirtualServices.Enforce.Admission;

namespace VirtualServices.Enforce.Tests.Admission;

/// <summary>What a loop under full load does not show: requests in parts, requests that are never answered, connections that are gone.</summary>
public sealed class StationCaseTests
{
    private const uint Aggressor = 2, Victim = 3;
    private const long Millisecond = 1_000_000;

    private readonly Holds _holds = new();
    private AdmissionStation _station;
    private readonly Dictionary<uint, TenantReading> _readings = new() { [Aggressor] = default, [Victim] = default };
    private long _now = Millisecond;

    public StationCaseTests() => _station = new AdmissionStation(new AdmissionSettings(), new AdmissionPace(), _holds);

    [Fact]
    public void The_rest_of_a_request_is_shown_to_the_service_that_has_read_its_beginning()
    {
        Contend();
        ulong admitted = Admitted()[0];
        _station.Received(admitted, _now);
        Observe(10); // its slice is over: held, and what comes now is hidden
        Assert.Contains(admitted, _holds.Held);
        _station.Arrived(admitted, _now);
        Observe(8); // longer than two turns
        Assert.DoesNotContain(admitted, _holds.Held);
        _station.Replied(admitted, _now);
        Observe(50);
        Assert.Contains(admitted, _holds.Held);
    }

    [Fact]
    public void A_request_in_hand_keeps_its_place_until_its_answer()
    {
        Contend();
        ulong[] admitted = Admitted();
        foreach (ulong one in admitted) _station.Received(one, _now);
        Observe(10);
        Assert.Empty(Admitted());
        _station.Replied(admitted[0], _now);
        Assert.Single(Admitted());
    }

    [Fact]
    public void Who_waits_at_a_back_end_for_ever_makes_nobody_be_held()
    {
        Open(Aggressor, 1, 20);
        Open(Victim, 100, 1);
        _station.Received(100, _now); // subscribed: never answered
        for (int i = 0; i < 100; i++)
        {
            _readings[Aggressor] = Next(_readings[Aggressor], turns: 10, waiting: 15, delayNs: 10 * 5 * Millisecond);
            if (i < 10 && i % 2 == 0) _readings[Victim] = Next(_readings[Victim], turns: 1, waiting: 0, delayNs: 0);
            Observe(30);
        }

        Assert.Empty(_holds.Held);
        Assert.False(_station.Active);
    }

    [Fact]
    public void A_request_in_parts_that_takes_long_is_shown_whole()
    {
        Contend();
        ulong admitted = Admitted()[0];
        _station.Received(admitted, _now);
        Observe(10);
        _station.Arrived(admitted, _now);
        Observe(100); // longer than a place is kept for: it waits in line, and gets a place again
        Assert.Contains(admitted, _station.Tenants.SelectMany(tenant => tenant.Connections).Where(connection => connection.State is AdmissionState.Waiting or AdmissionState.Admitted).Select(connection => connection.Id));
    }

    [Fact]
    public void Bytes_that_a_service_does_not_want_to_read_are_no_contention()
    {
        Open(Aggressor, 1, 20);
        Open(Victim, 100, 1);
        _readings[Victim] = Next(_readings[Victim], turns: 1, waiting: 1, delayNs: 0);
        for (int i = 0; i < 100; i++)
        {
            _readings[Aggressor] = Next(_readings[Aggressor], turns: 10, waiting: 15, delayNs: 10 * 5 * Millisecond);
            Observe(30);
        }

        Assert.False(_station.Active);
    }

    [Fact]
    public void Places_grow_where_the_processor_is_not_used_although_requests_wait()
    {
        Contend();
        int before = _station.Places;
        for (int i = 0; i < 40; i++)
        {
            _readings[Aggressor] = Next(_readings[Aggressor], turns: 1, waiting: 15, delayNs: Millisecond);
            _readings[Victim] = Next(_readings[Victim], turns: 1, waiting: 15, delayNs: Millisecond);
            Observe(20);
        }

        Assert.True(_station.Places > before, $"{_station.Places} places");
    }

    [Fact]
    public void Connections_that_are_gone_when_their_turn_comes_are_passed_over()
    {
        Contend();
        _holds.Gone = true;
        foreach (ulong one in Admitted()) _station.Closed(one, _now);
        Observe(10);
        Assert.Empty(Admitted());
        _holds.Gone = false;
        Observe(10);
        _station.LetAllGo(_now);
        Assert.False(_station.Active);
    }

    [Fact]
    public void A_connection_whose_receives_may_wait_is_let_go_and_gives_its_place_back()
    {
        Contend();
        ulong held = _holds.Held.Min(), admitted = Admitted()[0];
        _station.Free(held, _now);
        Assert.DoesNotContain(held, _holds.Held);
        int shown = 20 - _holds.Held.Count;
        _station.Free(admitted, _now);
        Assert.Equal(shown + 1, 20 - _holds.Held.Count);
    }

    [Fact]
    public void A_connection_that_somebody_else_asks_on_leaves_its_holds_behind()
    {
        Contend();
        ulong held = _holds.Held.Min();
        _station.Opened(held, _station.Tenant(9, 100), _now);
        Assert.DoesNotContain(held, _holds.Held);
    }

    [Fact]
    public void What_the_watchdog_let_go_is_held_again_and_what_no_event_told_is_taken_over()
    {
        Contend();
        ulong held = _holds.Held.Min();
        _holds.Held.Remove(held);
        _station.Found(held, _station.Tenant(Aggressor, 100), held: false, waits: false, _now);
        Assert.Contains(held, _holds.Held);
        _station.LetAllGo(_now);
        _holds.Held.Add(held);
        _station.Found(held, _station.Tenant(Aggressor, 100), held: true, waits: true, _now);
        Assert.DoesNotContain(held, _holds.Held);
    }

    [Fact]
    public void A_request_that_waits_longer_than_its_front_door_would_is_let_in_whatever_has_a_place()
    {
        const long Most = 300 * Millisecond;
        _station = new AdmissionStation(new AdmissionSettings { MostHeldNs = Most }, new AdmissionPace(), _holds);
        Contend();
        for (int i = 0; i < 20; i++)
        {
            foreach (ulong one in Admitted()) _station.Received(one, _now); // in hand for ever: no place becomes free
            _readings[Aggressor] = Next(_readings[Aggressor], turns: 1, waiting: 15, delayNs: Millisecond, cpuNs: 19 * Millisecond);
            _readings[Victim] = Next(_readings[Victim], turns: 0, waiting: 1, delayNs: 0);
            Observe(20);
        }

        Assert.True(_station.Active);
        Assert.DoesNotContain(_station.Tenants.SelectMany(tenant => tenant.Connections), connection => connection.State == AdmissionState.Waiting && _now - connection.SinceNs > Most);
    }

    [Fact]
    public void Who_is_behind_the_others_is_not_held_for_asking_more_at_once_than_there_are_places()
    {
        Contend();
        Open(Victim, 101, 5);
        _readings[Aggressor] = Next(_readings[Aggressor], turns: 10, waiting: 15, delayNs: Millisecond, cpuNs: 60 * Millisecond);
        _readings[Victim] = Next(_readings[Victim], turns: 1, waiting: 6, delayNs: 0, cpuNs: Millisecond);
        Observe(60);
        Assert.DoesNotContain(_holds.Held, connection => connection >= 100);
        _readings[Victim] = Next(_readings[Victim], turns: 10, waiting: 6, delayNs: 0, cpuNs: 200 * Millisecond); // it has caught up
        Observe(60);
        Assert.Contains(_holds.Held, connection => connection >= 100);
    }

    [Fact]
    public void Processes_that_come_and_go_do_not_make_the_idle_time_of_their_service_jump()
    {
        Dictionary<int, long> idle = new() { [1] = 100, [2] = 0 };
        AdmissionPlace place = new(7, true, _station);
        place.Add(1, 100);
        place.Add(2, 0);
        Assert.Equal(0, place.Idle(index => idle[index]));
        (idle[1], idle[2]) = (140, 20);
        Assert.Equal(30, place.Idle(index => idle[index]));
        place.Remove(2);
        Assert.Equal(30, place.Idle(index => idle[index]));
        idle[1] = 150;
        Assert.Equal(40, place.Idle(index => idle[index]));
        Assert.Equal([1], place.Indices);
    }

    // The victim's request waits longer than the bound: the aggressor's connections are held, two of them have places.
    private void Contend()
    {
        Open(Aggressor, 1, 20);
        Open(Victim, 100, 1);
        for (int i = 0; i < 4; i++)
        {
            _readings[Aggressor] = Next(_readings[Aggressor], turns: 10, waiting: 15, delayNs: Millisecond, cpuNs: 29 * Millisecond);
            _readings[Victim] = Next(_readings[Victim], turns: 0, waiting: 1, delayNs: 0);
            Observe(30);
        }

        Assert.True(_station.Active);
        Assert.NotEmpty(_holds.Held);
        Assert.NotEmpty(Admitted());
    }

    private ulong[] Admitted() => [.. _station.Tenants.SelectMany(tenant => tenant.Connections).Where(connection => connection.State == AdmissionState.Admitted).Select(connection => connection.Id).Order()];

    private static TenantReading Next(TenantReading before, long turns, long waiting, long delayNs, long cpuNs = 1000) =>
        new(before.Turns + turns, waiting, before.Replied + turns, before.DelayNs + delayNs, before.CpuNs + cpuNs);

    private void Open(uint virtualService, ulong first, int count)
    {
        for (int i = 0; i < count; i++) _station.Opened(first + (ulong)i, _station.Tenant(virtualService, 100), _now);
    }

    private void Observe(long milliseconds)
    {
        _now += milliseconds * Millisecond;
        _station.Observe(0, tenant => _readings.GetValueOrDefault(tenant.VirtualService), _now);
    }

    private sealed class Holds : IConnectionHolds
    {
        public HashSet<ulong> Held { get; } = [];

        public bool Gone { get; set; }

        public int Hold(ulong connection)
        {
            if (Gone) return -1;
            Held.Add(connection);
            return connection < 100 ? 1 : 0;
        }

        public bool Release(ulong connection)
        {
            Held.Remove(connection);
            return !Gone;
        }
    }
}
