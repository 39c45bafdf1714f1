using VirtualServices.Discover.Import;
using VirtualServices.Discover.Sessions;
using VirtualServices.Infer.Links;
using VirtualServices.Training.Simulation;

namespace VirtualServices.Training.Learning;

/// <summary>An outgoing call as the engine judges it, and whether it was right.</summary>
/// <param name="Seed">The scenario.</param>
/// <param name="Trace">The request from outside, -1 for none.</param>
/// <param name="Style">How the calling service works.</param>
/// <param name="Features">What spoke for the likeliest link.</param>
/// <param name="Given">There is a likeliest link, and enough was learnt to judge it.</param>
/// <param name="Right">It is the true one.</param>
/// <param name="Caused">The call has a true parent.</param>
/// <param name="Confidence">What the engine said of it.</param>
internal readonly record struct Example(int Seed, int Trace, WorkStyle Style, LinkFeatures Features, bool Given, bool Right, bool Caused, double Confidence)
{
    public bool Proven => Features.Get(Feature.Proof) > 0;

    /// <summary>Plays a scenario, imports its events as any others, and compares each link with the truth.</summary>
    public static IReadOnlyList<Example> Of(Scenario scenario, BoostedTrees model, bool useProofs = true)
    {
        Tape tape = Simulator.Play(scenario);
        if (!tape.Events.Any()) return []; // a few requests, none of which was sampled: the importer rightly refuses a file without events
        string folder = Directory.CreateTempSubdirectory("vs-training-").FullName;
        try
        {
            string events = Path.Combine(folder, "events.jsonl"), session = Path.Combine(folder, "session");
            using (var writer = new StreamWriter(events)) TapeWriter.WriteEvents(tape, writer);
            EventsImport.Run([events], session, null, CancellationToken.None);
            using SessionReader source = SessionReader.Open(session);
            Dictionary<(string, long), TrueCall> truth = [];
            foreach (TrueCall call in tape.Calls.Where(call => call.Caller is not null)) truth.TryAdd((call.Connection, call.SentNs), call);
            Dictionary<string, WorkStyle> styles = scenario.Services.ToDictionary(service => service.Name, service => service.Style);
            List<Example> examples = [];
            new LinkCollector(Compare, null, model, useProofs) { KeepsFeatures = true }.Run(source);
            return examples;

            void Compare(CallNode call)
            {
                if (!truth.Remove((call.End.Connection, call.TimeNs), out TrueCall? actual)) return;
                bool right = call.Parent is { } parent && actual.Parent is { } known && parent.End.Connection == known.Connection && parent.TimeNs == known.TimeNs;
                examples.Add(new Example(scenario.Seed, actual.Trace, styles[actual.Caller!], call.Features?.Value ?? default, call.Confidence > 0, right, actual.Parent is not null, call.Confidence));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Examples of all scenarios of a range of seeds.</summary>
    public static List<Example> Of(int first, int count, BoostedTrees model, TextWriter progress)
    {
        List<Example> all = [];
        int done = 0;
        foreach (IReadOnlyList<Example> some in Enumerable.Range(first, count).AsParallel().AsOrdered().Select(seed => Of(ScenarioMaker.Make(seed), model)))
        {
            all.AddRange(some);
            if (++done % 20 == 0) progress.WriteLine($"{done} of {count} scenarios, {all.Count} calls");
        }

        return all;
    }
}
