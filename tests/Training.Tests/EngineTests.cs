using VirtualServices.Infer.Links;
using VirtualServices.Training.Learning;
using VirtualServices.Training.Scoring;
using VirtualServices.Training.Simulation;

namespace VirtualServices.Training.Tests;

/// <summary>The engine on simulated workloads of one kind.</summary>
public sealed class EngineTests
{
    /// <summary>All services work alike, several requests are open at a time, and nothing is lost.</summary>
    private static Scenario Busy(int seed, WorkStyle style, bool threadIds)
    {
        Scenario scenario = ScenarioMaker.Make(seed, 150);
        scenario = scenario with
        {
            Services = [.. scenario.Services.Select(service => service with { Style = style, Workers = style == WorkStyle.EventLoop ? 1 : 8, Cores = style == WorkStyle.EventLoop ? 1 : 8, Pool = 0, Background = null })],
            Recording = new RecordingPlan(1, threadIds, false, 1, 0, false),
        };
        (double alone, double most, _) = Simulator.Probe(scenario);
        return scenario with { Load = new LoadPlan(1 / Math.Min(4 / alone, 0.6 * most), 1, false) };
    }

    private static Example[] Play(WorkStyle style, bool threadIds, bool useProofs = true) =>
        [.. Enumerable.Range(1, 4).SelectMany(seed => Example.Of(Busy(seed, style, threadIds), BoostedTrees.Untrained(), useProofs))];

    [Fact]
    public void An_event_loop_is_followed_by_what_prompts_it()
    {
        Example[] calls = Play(WorkStyle.EventLoop, threadIds: true);
        double right = calls.Count(call => call.Right);
        Assert.True(calls.Length > 2000 && right > 0.95 * calls.Length, $"{right} of {calls.Length} right");
        Assert.Contains(calls, call => call.Features.Get(Feature.Candidates) > Math.Log(1 + 3)); // several were open
    }

    [Fact]
    public void Rules_alone_tell_of_proven_links_only()
    {
        Example[] calls = Play(WorkStyle.Threads, threadIds: true);
        Assert.Contains(calls, call => call.Proven);
        Assert.All(calls, call => Assert.Equal(call.Proven, Ablation.Rules.Judge(call).Given));
    }

    [Fact]
    public void Statistics_alone_prove_nothing_and_are_less_sure_where_less_was_learnt()
    {
        Example[] calls = Play(WorkStyle.Threads, threadIds: true, Ablation.Statistics.UsesProofs());
        Assert.DoesNotContain(calls, call => call.Proven);
        Example some = calls.First(call => call.Given);
        Assert.Equal(0.5, ConfidenceAfter(5), 6);
        Assert.Equal(0.95, ConfidenceAfter(95), 6);

        double ConfidenceAfter(int requests)
        {
            LinkFeatures features = some.Features;
            features.Set(Feature.Margin, 20);
            features.Set(Feature.Learnt, Math.Log(1 + requests));
            return Ablation.Statistics.Judge(some with { Features = features }).Confidence;
        }
    }
}
