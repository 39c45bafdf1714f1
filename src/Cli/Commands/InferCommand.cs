using System.CommandLine;
using System.Globalization;
using VirtualServices.Discover.Sessions;
using VirtualServices.Infer;
using VirtualServices.Infer.Output;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs infer</c>: who works for whom, and the rules that follow.</summary>
internal static class InferCommand
{
    private const string Origin = "Proposed by vs infer"; // how a rule file begins that nobody wrote by hand

    internal sealed record Arguments(IReadOnlyList<string> Sessions, string Rules, string? Links, string? Attribution, string? Report, bool Force);

    public static Command Create(CommandContext context)
    {
        var sessions = new Argument<string[]>("DIR") { Description = "Session folders; evidence of several adds up", Arity = ArgumentArity.OneOrMore }.Path();
        var rules = new Option<string>("--output", "-o") { Description = "The rule file to write", Required = true }.Path();
        var links = new Option<string?>("--links") { Description = "Write each outgoing call with the request that caused it (JSON Lines)" }.Path();
        var attribution = new Option<string?>("--attribution") { Description = "Write each request with its virtual service (JSON Lines)" }.Path();
        var report = new Option<string?>("--report") { Description = "Write a page that shows what was found and why (HTML)" }.Path();
        var force = new Option<bool>("--force") { Description = "Replace a rule file even if gates in it have been reviewed, or somebody else wrote it" };
        var command = new VsCommand(
            "infer",
            "Infers from sessions who works for whom, and proposes a rule file. Nothing is enforced before somebody approves it.",
            "vs infer session -o rules.yaml --report report.html")
        { sessions, rules, links, attribution, report, force };
        command.Run(result => Run(
            new Arguments(result.GetValue(sessions)!, result.GetValue(rules)!, result.GetValue(links), result.GetValue(attribution), result.GetValue(report), result.GetValue(force)),
            context));
        return command;
    }

    internal static ExitCode Run(Arguments arguments, CommandContext context)
    {
        Outputs.Check(
            [("--output", arguments.Rules), ("--links", arguments.Links), ("--attribution", arguments.Attribution), ("--report", arguments.Report)],
            arguments.Sessions.SelectMany(SessionReader.FilesOf));
        if (!arguments.Force) RefuseToLoseReviews(arguments.Rules);
        var engine = new InferenceEngine();

        // By id, as in the rules and the report: the order of the words must not change a result.
        SortedDictionary<string, string> folders = new(StringComparer.Ordinal);
        foreach (string folder in arguments.Sessions)
        {
            using ProgressSource source = Open(folder, "reading", context);
            engine.Add(source);
            folders.Add(source.Info.Id, folder);
        }

        InferenceResult result = engine.Complete();
        if (arguments.Links is { } links) OutputFile.Write(links, writer => Again(folders.Values, "links of", context, source => LinkWriter.Write(source, writer)));
        if (arguments.Attribution is { } attribution) OutputFile.Write(attribution, writer => Again(folders.Values, "attribution of", context, source => AttributionWriter.Write(result, source, writer)));
        if (arguments.Report is { } report) OutputFile.Write(report, writer => ReportWriter.Write(result, writer));
        RuleFile.Save(arguments.Rules, RuleText.Write(result.Rules, Header(result)));
        Summarise(arguments, result, context.Out);
        return ExitCode.Done;
    }

    private static ProgressSource Open(string folder, string verb, CommandContext context) => new(SessionReader.Open(folder), $"{verb} {folder}", context);

    private static void Again(IEnumerable<string> folders, string verb, CommandContext context, Action<IEventSource> write)
    {
        foreach (string folder in folders)
        {
            using IEventSource source = Open(folder, verb, context);
            write(source);
        }
    }

    /// <summary>A review is a person's work: a second inference must not wipe it out by accident.</summary>
    private static void RefuseToLoseReviews(string path)
    {
        if (!File.Exists(path) || new FileInfo(path).Length == 0) return;
        RuleDocument existing;
        try
        {
            existing = RuleFile.Load(path);
        }
        catch (VsException error) when (error.ExitCode == ExitCode.BadInput)
        {
            throw new VsException(ExitCode.Usage, $"'{path}' exists and is no rule file that can be read: choose another name, or --force to replace it", error);
        }

        if (!existing.Text.TrimStart('\uFEFF').StartsWith($"# {Origin} ", StringComparison.Ordinal))
            throw new VsException(ExitCode.Usage, $"'{path}' was not written by vs infer: choose another name, or --force to replace it");
        int reviewed = existing.Rules.Gates.Count(gate => gate.State != GateState.Proposed);
        if (reviewed > 0)
            throw new VsException(ExitCode.Usage, $"'{path}' holds {reviewed} reviewed {(reviewed == 1 ? "gate" : "gates")}: choose another name, or --force to replace it and lose the reviews");
    }

    private static string Header(InferenceResult result) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Origin} from {result.Sessions.Count} {(result.Sessions.Count == 1 ? "session" : "sessions")} with {result.Sessions.Sum(s => s.Events)} events, {result.Sessions.Sum(s => s.LostEvents)} lost.\nNothing is enforced until its gates are approved: vs review, vs approve.");

    // A front end is asked from outside the recording.
    private static string HowItServes(ServiceFinding service) => service.Model switch
    {
        ExecutionModel.Unknown when service.Evidence.Connections == 0 => "no connection to it was seen",
        ExecutionModel.Unknown => "how it serves connections is unknown",
        _ => ModelEvidence.NameOf(service.Model),
    };

    private static void Summarise(Arguments arguments, InferenceResult result, TextWriter output)
    {
        foreach (ServiceFinding service in result.Services)
        {
            output.WriteLine($"{service.Name}: {(service.Shared ? "shared, " : "")}{HowItServes(service)}{(service.Listens.Count > 0 ? $", asked at {string.Join(", ", service.Listens)}" : "")}");
            foreach (string note in service.Notes) output.WriteLine($"  {note}");
        }

        foreach (Gate gate in result.Rules.Gates)
        {
            output.WriteLine($"proposed {gate.Id}: {GateSentence.Of(gate)}");
            if (gate.Evidence is { } e)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {e.Agreed} of {e.Observed} agree, {e.Contradicted} contradict, {e.Unknown} unknown, {e.LostEvents} events lost; confidence {e.Confidence:0.000}"));
        }

        if (result.Rules.Gates.Count == 0) output.WriteLine("no gate is proposed: what is unknown, and why, follows");
        foreach (Unknown unknown in result.Unknowns)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"unknown: {unknown.Subject}: {unknown.Reason}{(unknown.Count > 0 ? $" ({unknown.Count})" : "")}"));
        output.WriteLine($"rules: {arguments.Rules}");
        if (arguments.Report is { } report) output.WriteLine($"report: {report}");
    }
}
