using System.CommandLine;
using System.Globalization;
using VirtualServices.Infer.Links;
using VirtualServices.Training.Learning;
using VirtualServices.Training.Scoring;
using VirtualServices.Training.Simulation;

namespace VirtualServices.Training;

/// <summary><c>score</c>: recall, precision and calibration on scenarios that the model never saw.</summary>
internal static class ScoreCommand
{
    internal const int First = 20_001;

    public static Command Create()
    {
        Option<int> first = new Option<int>("--first") { Description = "First seed", DefaultValueFactory = _ => First }.Within(1, int.MaxValue - TrainCommand.MostScenarios);
        Option<int> scenarios = new Option<int>("--scenarios") { Description = "How many, 1 to 10,000", DefaultValueFactory = _ => 150 }.Within(1, TrainCommand.MostScenarios);
        var file = new Option<string?>("--model") { Description = "Another confidence model than the embedded one" };
        var parts = new Option<Ablation>("--parts") { Description = "What is used of the engine: rules, statistics, or all with the model", DefaultValueFactory = _ => Ablation.Model };
        var least = new Option<double>("--least") { Description = "Least confidence that is told", DefaultValueFactory = _ => ConfidenceModel.Threshold };
        var each = new Option<bool>("--each") { Description = "Also a line for each scenario" };
        var command = new Command("score", "Scores the engine on scenarios that it was not trained with") { first, scenarios, file, parts, least, each };
        command.SetAction(result =>
        {
            Ablation ablation = result.GetValue(parts);
            BoostedTrees model = result.GetValue(file) is { } path ? Read(path) : ConfidenceModel.Embedded;
            double told = result.GetValue(least);
            Score all = new(told);
            List<double> byScenario = [];
            SortedDictionary<string, Score> groups = new(StringComparer.Ordinal);
            foreach ((Scenario scenario, Example[] examples) in Enumerable.Range(result.GetValue(first), result.GetValue(scenarios)).AsParallel().AsOrdered().Select(Play))
            {
                Score own = new(told);
                foreach (Example example in examples)
                {
                    all.Add(example);
                    own.Add(example);
                    Group(example.Proven ? "proven" : "estimated").Add(example);
                    Group(scenario.Recording.ThreadIds ? "threads told" : "threads not told").Add(example);
                    Group(example.Style.ToString()).Add(example);
                    Group("load " + Load(example)).Add(example);
                }

                if (own.F1 is { } f1) byScenario.Add(f1);
                if (result.GetValue(each)) Console.WriteLine($"{scenario.Seed} {string.Join(' ', scenario.Services.Select(s => $"{s.Style}/{s.Workers}"))} threads {scenario.Recording.ThreadIds} tick {scenario.Recording.TickNs} sampled {scenario.Recording.Sampled:0.0}: {own}");
            }

            foreach ((string name, Score score) in groups) Console.WriteLine($"{name,-18} {score}");
            Console.WriteLine($"{"all",-18} {all}");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"mean F1 of the scenarios {byScenario.DefaultIfEmpty().Average():0.0000}"));
            all.Reliability.Write(Console.Out);
            return 0;

            (Scenario, Example[]) Play(int seed)
            {
                Scenario scenario = ScenarioMaker.Make(seed);
                return (scenario, [.. Example.Of(scenario, model, ablation.UsesProofs()).Select(example => ablation.Judge(example))]);
            }

            Score Group(string name)
            {
                if (!groups.TryGetValue(name, out Score? score)) groups.Add(name, score = new Score(told));
                return score;
            }
        });
        return command;
    }

    private static BoostedTrees Read(string path)
    {
        using var reader = new StreamReader(path);
        return BoostedTrees.Read(reader, path);
    }

    private static string Load(in Example example) => (Math.Exp(example.Features.Get(Feature.Load)) - 1) switch
    {
        < 1.5 => "1 below 1.5",
        < 3 => "2 up to 3",
        < 10 => "3 up to 10",
        _ => "4 above 10",
    };
}
