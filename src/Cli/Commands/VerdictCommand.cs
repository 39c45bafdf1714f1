using System.CommandLine;
using System.Globalization;
using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs approve</c> and <c>vs reject</c>.</summary>
internal static class VerdictCommand
{
    internal sealed record Arguments(string Rules, bool All, IReadOnlyList<string> Gates, string By, string Note, GateState Verdict);

    public static Command CreateApprove(CommandContext context) => Create(
        "approve",
        "Approves gates: only approved gates are enforced. --all leaves gates alone that somebody rejected; name them to approve them.",
        GateState.Approved,
        context);

    public static Command CreateReject(CommandContext context) => Create(
        "reject", "Rejects gates: they are not enforced and not proposed again.", GateState.Rejected, context);

    private static VsCommand Create(string name, string description, GateState verdict, CommandContext context)
    {
        var rules = new Argument<string>("RULES") { Description = "The rule file; only state and review of these gates change in it" }.Path();
        var all = new Option<bool>("--all") { Description = "All gates" };
        var gates = new Option<string[]>("--gate") { Description = "Ids of gates", HelpName = "ID", AllowMultipleArgumentsPerToken = true };
        var by = new Option<string>("--by") { Description = "Who decided", HelpName = "NAME", Required = true };
        var note = new Option<string>("--note") { Description = "Why", HelpName = "TEXT" };
        var command = new VsCommand(name, description, $"vs {name} rules.yaml --gate postgres-receive --by \"Ada Lovelace\" --note \"seen two days\"\nvs {name} rules.yaml --all --by ada")
        { rules, all, gates, by, note };
        command.Run(result => Run(
            new Arguments(
                result.GetRequiredValue(rules), result.GetValue(all), result.GetValue(gates) ?? [], result.GetRequiredValue(by), result.GetValue(note) ?? "", verdict),
            context));
        return command;
    }

    internal static ExitCode Run(Arguments arguments, CommandContext context)
    {
        if (arguments.All == (arguments.Gates.Count > 0)) throw new VsException(ExitCode.Usage, "which gates? Give either --all or --gate ID...");
        Reviewer.Check(arguments.By);
        RuleDocument document = RuleFile.Load(arguments.Rules);
        IReadOnlyList<Gate> chosen = arguments.All ? AllOf(document, arguments.Verdict) : Named(document, arguments.Gates);
        Dictionary<string, GateVerdict> verdicts = chosen.ToDictionary(
            gate => gate.Id, gate => RuleEditor.MakeVerdict(document, gate, arguments.Verdict, arguments.By, arguments.Note, context.Clock), StringComparer.Ordinal);
        if (verdicts.Count > 0) RuleEditor.Save(document, RuleEditor.Apply(document, verdicts));

        string word = arguments.Verdict == GateState.Approved ? "approved" : "rejected";
        string ids = verdicts.Count == 0 ? "" : $": {string.Join(", ", verdicts.Keys)}";
        context.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{document.Path}: {verdicts.Count} {(verdicts.Count == 1 ? "gate" : "gates")} {word}{ids}"));
        int left = arguments.Verdict == GateState.Approved && arguments.All ? document.Rules.Gates.Count(gate => gate.State == GateState.Rejected) : 0;
        if (left > 0) context.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"vs: {left} rejected before and left so; name them with --gate to approve them"));
        return ExitCode.Done;
    }

    /// <summary>Every gate that is not decided this way already: whoever approved it first stays its reviewer. A rejection was somebody's decision and is not swept away.</summary>
    private static List<Gate> AllOf(RuleDocument document, GateState verdict) =>
        [.. document.Rules.Gates.Where(gate => document.EffectiveState(gate) != verdict && !(verdict == GateState.Approved && gate.State == GateState.Rejected))];

    private static List<Gate> Named(RuleDocument document, IReadOnlyList<string> ids)
    {
        var gates = document.Rules.Gates.ToDictionary(gate => gate.Id, StringComparer.Ordinal);
        string[] unknown = [.. ids.Where(id => !gates.ContainsKey(id)).Distinct()];
        if (unknown.Length == 0) return [.. ids.Distinct().Select(id => gates[id])];
        string known = gates.Count == 0 ? "it has none" : $"it has {string.Join(", ", gates.Keys)}";
        throw new VsException(ExitCode.Usage, $"{document.Path} has no gate '{string.Join("', '", unknown)}': {known}; nothing was changed");
    }
}
