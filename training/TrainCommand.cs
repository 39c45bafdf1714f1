using System.CommandLine;
using VirtualServices.Infer.Links;
using VirtualServices.Training.Learning;

namespace VirtualServices.Training;

/// <summary><c>train</c>: the confidence model, from simulated scenarios only.</summary>
internal static class TrainCommand
{
    /// <summary>Seeds of the scenarios from which the trees and the curve are learnt. Those of <see cref="ScoreCommand"/> are others.</summary>
    internal const int FirstTree = 1, FirstCurve = FirstTree + MostScenarios;

    /// <summary>More would be the curve's.</summary>
    internal const int MostScenarios = 10_000;

    public static Command Create()
    {
        var output = new Option<string>("--output", "-o") { Description = "The model file to write", DefaultValueFactory = _ => "src/Infer/Links/confidence.model" };
        Option<int> scenarios = new Option<int>("--scenarios") { Description = "Scenarios for the trees, 1 to 10,000; half as many are for the curve", DefaultValueFactory = _ => 400 }.Within(1, MostScenarios);
        var command = new Command("train", "Trains the confidence model and writes it") { output, scenarios };
        command.SetAction(result =>
        {
            int count = result.GetValue(scenarios);
            List<Example> trees = Given(Example.Of(FirstTree, count, BoostedTrees.Untrained(), Console.Error)), curve = Given(Example.Of(FirstCurve, Math.Max(count / 2, 1), BoostedTrees.Untrained(), Console.Error));
            string model = Trainer.WriteCurve(Trainer.WriteTrees(Trainer.Train(trees)), curve);
            File.WriteAllText(result.GetValue(output)!, model);
            Console.Error.WriteLine($"{trees.Count} links for the trees, {curve.Count} for the curve; {result.GetValue(output)}: {model.Length} bytes");
            return 0;
        });
        return command;

        static List<Example> Given(List<Example> all) => [.. all.Where(e => e.Given)];
    }
}
