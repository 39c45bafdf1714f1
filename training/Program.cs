using System.CommandLine;
using VirtualServices.Model;
using VirtualServices.Training;

var root = new RootCommand("Makes workloads with known truth, trains the confidence model from them, and scores it.") { SimulateCommand.Create(), TrainCommand.Create(), ScoreCommand.Create() };
try
{
    return root.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (VsException error)
{
    Console.Error.WriteLine(error.Message);
    return (int)error.ExitCode;
}
