using System.CommandLine;
using System.Globalization;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs check</c>: validates a rule file.</summary>
internal static class CheckCommand
{
    internal sealed record Arguments(string? Rules, bool Json, bool Schema);

    public static Command Create(CommandContext context)
    {
        var rules = new Argument<string?>("RULES") { Description = "The rule file", Arity = ArgumentArity.ZeroOrOne }.Path();
        var json = new Option<bool>("--json") { Description = "Print one JSON document" };
        var schema = new Option<bool>("--schema") { Description = "Print the JSON Schema of rule files instead" };
        var command = new VsCommand(
            "check",
            "Validates a rule file: schema, names, conflicts, gates that never act, shares that cannot be met, what vs enforce would refuse. Exit code 3: the file is broken; 1: it has errors; 0: it may have warnings.",
            "vs check rules.yaml\nvs check --schema > rules.schema.json")
        { rules, json, schema };
        command.Run(result => Run(new Arguments(result.GetValue(rules), result.GetValue(json), result.GetValue(schema)), context, new HostCapacity(OnlineCpus.Count())));
        return command;
    }

    internal static ExitCode Run(Arguments arguments, CommandContext context, HostCapacity? capacity)
    {
        if (arguments.Schema)
        {
            context.Out.Write(RuleSchema.Text);
            return ExitCode.Done;
        }

        if (arguments.Rules is null) throw new VsException(ExitCode.Usage, "check needs a rule file: vs check RULES");
        RuleDocument document = RuleFile.Load(arguments.Rules);
        IReadOnlyList<Finding> findings = EnforceFindings.WithChecks(document, capacity);
        if (arguments.Json) CheckJson.Write(context.Out, document, findings);
        else WriteText(context.Out, document, findings);
        return findings.Any(finding => finding.Severity == Severity.Error) ? ExitCode.DoesNotHold : ExitCode.Done;
    }

    private static void WriteText(TextWriter output, RuleDocument document, IReadOnlyList<Finding> findings)
    {
        foreach (Finding finding in findings)
        {
            string severity = finding.Severity == Severity.Error ? "error" : "warning";
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{document.Path}:{finding.Line}: {severity}: {finding.Subject}: {finding.Text}"));
        }

        RuleSet rules = document.Rules;
        int errors = findings.Count(finding => finding.Severity == Severity.Error);
        int approved = rules.Gates.Count(gate => document.EffectiveState(gate) == GateState.Approved);
        int rejected = rules.Gates.Count(gate => gate.State == GateState.Rejected);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{document.Path}: {Count(rules.VirtualServices.Count, "virtual service")}, {Count(rules.Services.Count, "service")}, {Count(rules.Gates.Count, "gate")} ({approved} approved, {rules.Gates.Count - approved - rejected} proposed, {rejected} rejected): {Count(errors, "error")}, {Count(findings.Count - errors, "warning")}"));
    }

    private static string Count(int number, string what) => string.Create(CultureInfo.InvariantCulture, $"{number} {what}{(number == 1 ? "" : "s")}");
}
