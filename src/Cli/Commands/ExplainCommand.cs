using System.CommandLine;
using System.Globalization;
using VirtualServices.Enforce.Explaining;
using VirtualServices.Model;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs explain</c>: why something belongs to a virtual service.</summary>
internal static class ExplainCommand
{
    public static Command Create(CommandContext context)
    {
        var subject = new Argument<string>("PID|CONNECTION") { Description = "A process id; or both ends of a connection (either order), one end, or the path of a unix socket" };
        var json = new Option<bool>("--json") { Description = "Print one JSON document" };
        var command = new VsCommand(
            "explain",
            "Tells for whom a process works or a connection is, and why: front door, fork, gate, who asked, or a person. Works when the enforcer is dead, too. Exit code 1: there is no such process or connection, or nothing is enforced.",
            "vs explain 4711\nvs explain 127.0.0.1:40312-127.0.0.1:5432\nvs explain /run/postgresql/.s.PGSQL.5432 --json")
        { subject, json };
        command.Run(result => Run(result.GetValue(subject)!, result.GetValue(json), context));
        return command;
    }

    private static ExitCode Run(string subject, bool json, CommandContext context)
    {
        bool process = subject.All(char.IsAsciiDigit);
        ConnectionName? connection = null;
        if (!int.TryParse(subject, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) || pid == 0)
        {
            if (process || !ConnectionName.TryParse(subject, out connection)) throw new VsException(ExitCode.Usage, $"'{subject}' is not {ConnectionName.Expected}");
        }

        using ExplainReader reader = ExplainReader.Open();
        if (connection is null) Write(context, json, reader.Process(pid));
        else Write(context, json, reader.Connections(connection));
        return ExitCode.Done;
    }

    internal static void Write(CommandContext context, bool json, ProcessExplanation process)
    {
        if (json) JsonText.WriteDocument(context.Out, document => ExplainJson.Write(document, process));
        else ExplainText.Write(context.Out, process, "");
    }

    internal static void Write(CommandContext context, bool json, IReadOnlyList<ConnectionExplanation> connections)
    {
        if (json) JsonText.WriteDocument(context.Out, document => JsonText.WriteList(document, "connections", connections, connection => ExplainJson.Write(document, connection)));
        else foreach (ConnectionExplanation connection in connections) ExplainText.Write(context.Out, connection);
    }
}
