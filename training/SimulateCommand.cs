using System.CommandLine;
using VirtualServices.Training.Simulation;

namespace VirtualServices.Training;

/// <summary><c>simulate</c>: one scenario as neutral events, with the truth beside.</summary>
internal static class SimulateCommand
{
    public static Command Create()
    {
        var seed = new Option<int>("--seed") { Description = "Which scenario", Required = true };
        Option<int> requests = new Option<int>("--requests") { Description = "Requests from outside, at most 1,000,000; 0 or without it the scenario says" }.Within(0, 1_000_000);
        var events = new Option<string>("--events") { Description = "Neutral events to write (JSON Lines)", Required = true };
        var truth = new Option<string>("--truth") { Description = "True parents to write (JSON Lines)", Required = true };
        var command = new Command("simulate", "Plays one scenario and writes its events and what is true of them") { seed, requests, events, truth };
        command.SetAction(result =>
        {
            Scenario scenario = ScenarioMaker.Make(result.GetValue(seed), result.GetValue(requests));
            Tape tape = Simulator.Play(scenario);
            Write(result.GetValue(events)!, writer => TapeWriter.WriteEvents(tape, writer));
            Write(result.GetValue(truth)!, writer => TapeWriter.WriteTruth(tape, writer));
            Console.Error.WriteLine($"scenario {scenario.Seed}: {scenario.Requests} requests, {string.Join(", ", scenario.Services.Select(s => $"{s.Name} {s.Style} x{s.Workers}"))}; {tape.Calls.Count} calls");
            return 0;
        });
        return command;
    }

    private static void Write(string path, Action<TextWriter> write)
    {
        using var writer = new StreamWriter(path) { NewLine = "\n" };
        write(writer);
    }
}
