using CsCheck;
using VirtualServices.Infer.Links;
using VirtualServices.Training.Learning;
using VirtualServices.Training.Simulation;

namespace VirtualServices.Training.Tests;

public sealed class SimulatorTests
{
    private static readonly Gen<int> Seeds = Gen.Int[1, 1_000_000];

    private static string Text(Scenario scenario)
    {
        Tape tape = Simulator.Play(scenario);
        var text = new StringWriter();
        TapeWriter.WriteEvents(tape, text);
        TapeWriter.WriteTruth(tape, text);
        return text.ToString();
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes() => Seeds.Sample(seed => Assert.Equal(Text(ScenarioMaker.Make(seed, 40)), Text(ScenarioMaker.Make(seed, 40))), iter: 15);

    [Fact]
    public void Every_request_is_answered_and_every_call_has_a_parent_that_was_received_before() => Seeds.Sample(seed =>
    {
        Scenario scenario = ScenarioMaker.Make(seed, 60);
        scenario = scenario with { Recording = scenario.Recording with { Sampled = 1, Lost = 0 } };
        Tape tape = Simulator.Play(scenario);
        Assert.Equal(60, tape.Calls.Count(call => call.Caller is null));
        var received = tape.Calls.Select(call => (call.Connection, call.ReceivedNs)).ToHashSet();
        foreach (TrueCall call in tape.Calls)
        {
            Assert.True(call.SentNs <= call.ReceivedNs && call.ReceivedNs <= call.EndNs, "a call is sent, received and answered in this order");
            if (call.Parent is not { } parent) continue;
            Assert.Contains((parent.Connection, parent.TimeNs), received);
            Assert.True(parent.TimeNs <= call.SentNs);
        }

        // Only what comes from outside and what is done for nobody has no parent.
        Assert.All(tape.Calls.Where(call => call.Parent is null), call => Assert.True(call.Caller is null || call.Trace < 0));
    }, iter: 25);

    [Fact]
    public void Events_are_in_order_and_alternate_on_each_connection() => Seeds.Sample(seed =>
    {
        Scenario scenario = ScenarioMaker.Make(seed, 60);
        scenario = scenario with { Recording = scenario.Recording with { Sampled = 1, Lost = 0, TickNs = 1, TiesShuffled = false } };
        Dictionary<(string, bool), string> last = [];
        long time = 0;
        foreach (TapeEvent e in Simulator.Play(scenario).Events)
        {
            Assert.True(e.TimeNs >= time);
            time = e.TimeNs;
            if (e.Call is not ("recv" or "send")) continue;
            string before = last.GetValueOrDefault((e.Connection, e.Server), e.Server ? "send" : "recv");
            Assert.NotEqual(before, e.Call);
            last[(e.Connection, e.Server)] = e.Call;
        }
    }, iter: 25);

    [Fact]
    public void Each_part_has_numbers_of_its_own() => Seeds.Sample(seed =>
    {
        Scenario scenario = ScenarioMaker.Make(seed, 60);
        scenario = scenario with { Load = scenario.Load with { KeepAlive = false }, Recording = new RecordingPlan(1, true, false, 1, 0, true) };
        Tape tape = Simulator.Play(scenario);

        // Another service does not change when requests come, and for whom.
        ServicePlan front = scenario.Services[0];
        Scenario other = scenario with { Services = [front with { Endpoints = [.. front.Endpoints.Select(e => e with { End = new Delay(DelayShape.Exponential, 5e6) })] }, .. scenario.Services.Skip(1)] };
        Assert.Equal(FromOutside(tape), FromOutside(Simulator.Play(other)));

        // What is lost does not change what happens, nor the order of what is left.
        Dictionary<(string, bool, string, long), int> all = [];
        foreach (TapeEvent e in tape.Events) all.TryAdd((e.Connection, e.Server, e.Call, e.TimeNs), e.Shuffle);
        Tape lossy = Simulator.Play(scenario with { Recording = scenario.Recording with { Lost = 0.1 } });
        Assert.True(lossy.Events.Count() < tape.Events.Count());
        Assert.All(lossy.Events, e => Assert.Equal(all[(e.Connection, e.Server, e.Call, e.TimeNs)], e.Shuffle));

        static List<(int, string, long)> FromOutside(Tape tape) => [.. tape.Calls.Where(call => call.Caller is null).Select(call => (call.Trace, call.Tenant, call.SentNs))];
    }, iter: 20);

    [Fact]
    public void It_ends_where_work_for_nobody_leaves_a_request_waiting_for_good()
    {
        Scenario scenario = ScenarioMaker.Make(30106);
        Assert.Contains(scenario.Services, service => service.LastFirst);
        Assert.Equal(scenario.Requests, Simulator.Play(scenario).Calls.Count(call => call.Caller is null && call.EndNs > 0));
    }

    [Fact]
    public void Scenarios_do_not_leave_out_the_same_traces()
    {
        bool[][] recorded = [.. Enumerable.Range(1, 20).Select(seed =>
        {
            Tape tape = new(new RecordingPlan(1, true, false, 0.5, 0, false), seed);
            return Enumerable.Range(0, 200).Select(tape.IsRecorded).ToArray();
        })];
        Assert.Equal(20, recorded.Select(some => string.Concat(some.Select(one => one ? '1' : '0'))).Distinct().Count());
        Assert.InRange(recorded.Sum(some => some.Count(one => one)), 1800, 2200);
    }

    [Fact]
    public void A_scenario_of_which_nothing_was_recorded_teaches_nothing()
    {
        Scenario scenario = ScenarioMaker.Make(1, 5);
        scenario = scenario with { Services = [.. scenario.Services.Select(service => service with { Background = null })], Recording = scenario.Recording with { Sampled = 0 } };
        Assert.Empty(Example.Of(scenario, BoostedTrees.Untrained()));
    }

    [Fact]
    public void The_engine_reads_what_is_simulated_and_finds_most_links_where_requests_come_one_by_one()
    {
        int calls = 0, right = 0;
        for (int seed = 1; seed <= 12; seed++)
        {
            Scenario scenario = ScenarioMaker.Make(seed, 80);
            scenario = scenario with
            {
                Services = [.. scenario.Services.Select(service => service with { Background = null })],
                Load = scenario.Load with { ApartNs = 100 * Simulator.Probe(scenario).AloneNs, Burst = 1 },
                Recording = scenario.Recording with { Lost = 0, Sampled = 1, TickNs = 1 },
            };
            IReadOnlyList<Example> examples = Example.Of(scenario, BoostedTrees.Untrained());
            calls += examples.Count(example => example.Caused);
            right += examples.Count(example => example.Right);
        }

        Assert.True(calls > 1000 && right > 0.9 * calls, $"{right} of {calls} right");
    }
}
