using System.Globalization;

namespace VirtualServices.Training.Simulation;

/// <summary>Makes scenarios of all kinds: what a model has to be right about is not known beforehand, so each is drawn anew.</summary>
internal sealed class ScenarioMaker
{
    /// <summary>A scenario in which each request makes a thousand calls needs no thousand requests.</summary>
    private const double MostCalls = 8000;

    private const double Us = 1e3, Ms = 1e6;

    private readonly Dice _dice;
    private readonly int _seed, _requests;
    private readonly double _scaleNs;

    private ScenarioMaker(int seed, int requests)
    {
        _seed = seed;
        _requests = requests;
        _dice = new Dice(seed, DicePart.Plan);
        _scaleNs = _dice.Octaves(30 * Us, 10 * Ms);
    }

    /// <summary>The scenario of a seed.</summary>
    /// <param name="seed">Its seed.</param>
    /// <param name="requests">Requests from outside; 0 to have it drawn.</param>
    public static Scenario Make(int seed, int requests = 0) => new ScenarioMaker(seed, requests).Make();

    private Scenario Make()
    {
        int count = _dice.Whole(2, 6);
        var services = new ServicePlan[count];
        for (int i = count - 1; i >= 0; i--) services[i] = Service(i, services);
        bool perCall = services.All(s => s.Pool == 0);
        long tick = _dice.Pick(1L, 1L, 1L, 1000L, 1000L, 1_000_000L);
        if (tick > _scaleNs) tick = 1000;
        var recording = new RecordingPlan(
            tick,
            ThreadIds: _dice.Chance(0.4),
            Wakes: _dice.Chance(0.5),
            Sampled: _dice.Chance(0.2) ? _dice.Between(0.2, 0.9) : 1,
            Lost: _dice.Chance(0.1) ? _dice.Octaves(0.0005, 0.02) : 0,
            TiesShuffled: perCall);
        var scenario = new Scenario(_seed, services, _requests > 0 ? _requests : (int)(_dice.Chance(0.3) ? _dice.Octaves(2, 150) : _dice.Octaves(150, 2500)), new LoadPlan(1, 1, perCall ? false : _dice.Chance(0.5)), recording);
        (double alone, double most, double calls) = Simulator.Probe(scenario);

        // As many at once as are asked for, but no more than the busiest service can do; a few times it is asked for more.
        double together = _dice.Octaves(0.2, 40);
        double busy = _dice.Chance(0.1) ? _dice.Between(1, 1.3) : _dice.Between(0.05, 0.95);
        double rate = Math.Min(together / alone, busy * most);
        services = [.. services.Select(s => s with { Background = s.Background is { } b ? b with { EveryNs = b.EveryNs / rate } : null })];
        int requests = _requests > 0 ? _requests : (int)Math.Clamp(MostCalls / calls, Math.Min(100, scenario.Requests), scenario.Requests);
        return scenario with { Requests = requests, Services = services, Load = scenario.Load with { ApartNs = 1 / rate, Burst = _dice.Chance(0.3) ? _dice.Between(2, 8) : 1 } };
    }

    private ServicePlan Service(int index, ServicePlan[] all)
    {
        WorkStyle style = _dice.Pick(Enum.GetValues<WorkStyle>());
        int workers = style == WorkStyle.EventLoop ? 1 : _dice.Chance(0.3) ? 400 : (int)_dice.Octaves(1, 64);
        return new ServicePlan
        {
            Name = string.Create(CultureInfo.InvariantCulture, $"s{index}"),
            Style = style,
            Workers = workers,
            Cores = style == WorkStyle.EventLoop ? 1 : _dice.Chance(0.5) ? 400 : _dice.Whole(2, 16),
            ReceivesEarly = _dice.Chance(0.5),
            LastFirst = _dice.Chance(0.05),
            Endpoints = [.. Enumerable.Range(0, index == 0 ? _dice.Whole(1, 3) : _dice.Whole(1, 2)).Select(_ => Endpoint(index, all))],
            Network = _dice.Chance(0.2) ? Delay.None : Delay.Any(_dice, _dice.Octaves(5 * Us, 300 * Us)),
            Pool = _dice.Chance(0.5) ? 0 : _dice.Whole(1, 50),
            StopEveryNs = _dice.Chance(0.15) ? _scaleNs * _dice.Octaves(100, 1000) : 0,
            Stop = Delay.Any(_dice, _scaleNs * _dice.Octaves(2, 20)),
            Background = index + 1 < all.Length && _dice.Chance(0.2)
                ? new BackgroundPlan(_dice.Octaves(0.5, 100), // in mean times between requests, until the rate is known
                     _dice.Chance(0.5), Call(index, all))
                : null,
        };
    }

    private EndpointPlan Endpoint(int index, ServicePlan[] all)
    {
        int stages = index + 1 == all.Length ? 0 : index == 0 ? _dice.Whole(1, 4) : _dice.Whole(0, 2);
        return new EndpointPlan(
            _dice.Between(0.2, 1),
            [.. Enumerable.Range(0, stages).Select(_ => Stage(index, all))],
            Compute(),
            index + 1 < all.Length && _dice.Chance(0.02) ? Call(index, all) : null);
    }

    private StagePlan Stage(int index, ServicePlan[] all)
    {
        int calls = _dice.Chance(0.6) ? 1 : _dice.Whole(2, 4);
        return new StagePlan(
            Compute(),
            Delay.Any(_dice, _scaleNs * _dice.Octaves(0.001, 0.3)),
            _dice.Chance(0.5),
            [.. Enumerable.Range(0, calls).Select(_ => Call(index, all))],
            _dice.Chance(0.3) ? _dice.Between(0.1, 0.95) : 1,
            _dice.Chance(0.05));
    }

    private CallPlan Call(int index, ServicePlan[] all)
    {
        int callee = _dice.Whole(index + 1, all.Length - 1);
        return new CallPlan(
            callee,
            _dice.Whole(0, all[callee].Endpoints.Count - 1),
            _dice.Chance(0.1) ? _dice.Whole(2, 6) : 1,
            _dice.Chance(0.1) ? _dice.Octaves(0.002, 0.1) : 0,
            Delay.Any(_dice, _scaleNs));
    }

    private Delay Compute() => Delay.Any(_dice, _scaleNs * _dice.Octaves(0.03, 3));
}
