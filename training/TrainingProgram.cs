using System.CommandLine;
using VirtualServices.Model;

namespace VirtualServices.Training;

/// <summary>Takes the command line apart, runs the command, and turns what went wrong into a message and an exit code of <c>vs</c>.</summary>
internal static class TrainingProgram
{
    public static int Run(IReadOnlyList<string> args, TextWriter error)
    {
        var root = new RootCommand("Makes workloads with known truth, trains the confidence model from them, and scores it.") { SimulateCommand.Create(), TrainCommand.Create(), ScoreCommand.Create() };
        try
        {
            ParseResult result = root.Parse(args);
            foreach (var wrong in result.Errors) error.WriteLine(wrong.Message);
            return result.Errors.Count > 0 ? (int)ExitCode.Usage : result.Invoke(new InvocationConfiguration { Error = error, EnableDefaultExceptionHandler = false });
        }
        catch (VsException wrong)
        {
            error.WriteLine(wrong.Message);
            return (int)wrong.ExitCode;
        }
        catch (IOException wrong)
        {
            error.WriteLine($"reading or writing failed: {wrong.Message}");
            return (int)ExitCode.DoesNotHold;
        }
    }
}
