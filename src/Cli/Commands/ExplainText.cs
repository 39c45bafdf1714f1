using System.Globalization;
using VirtualServices.Enforce.Explaining;

namespace VirtualServices.Cli.Commands;

/// <summary>Explanations in words: one line for each reason, the reason for the one above it.</summary>
internal static class ExplainText
{
    public static void Write(TextWriter output, ProcessExplanation process, string indent)
    {
        string whom = process.Verdict switch
        {
            ExplainVerdict.NotGoverned => "is not governed",
            ExplainVerdict.BestEffort => "runs in best effort",
            _ => $"works for {process.VirtualService}",
        };
        string service = process.Service.Length > 0 ? $" (service {process.Service})" : "";
        output.WriteLine($"{indent}process {Name(process.Pid, process.Comm)}{service} {whom}");
        foreach (ExplainStep step in process.Chain)
        {
            indent += "  ";
            output.WriteLine($"{indent}{Sentence(step, process.Pid)}");
        }
    }

    public static void Write(TextWriter output, ConnectionExplanation connection)
    {
        string service = connection.Service.Length > 0 ? $" of service {connection.Service}" : "";
        string whom = connection.Verdict switch
        {
            ExplainVerdict.Governed => $"is for {connection.VirtualService}",
            ExplainVerdict.BestEffort => "is for nobody who is known: best effort",
            _ => "is not governed: neither end belongs to a process that the rules speak of",
        };
        output.WriteLine($"{connection.Protocol} connection {(connection.Client.Length > 0 ? Printable.Text(connection.Client) : "(unnamed)")} to {Printable.Text(connection.Server)}{service} {whom}");
        if (connection.Admission is { } admission) output.WriteLine($"  {Sentence(admission)}");
        if (connection.ClientProcesses.Count == 0) output.WriteLine("  asked by: no process of this host");
        else output.WriteLine("  asked by:");
        foreach (ProcessExplanation client in connection.ClientProcesses) Write(output, client, "    ");
        output.WriteLine(connection.ServerProcesses.Count == 0 ? "  served by: no process of this host" : "  served by:");
        foreach (ProcessExplanation server in connection.ServerProcesses) Write(output, server, "    ");
    }

    private static string Sentence(ConnectionAdmission admission)
    {
        string waits = admission.Waits is { } time ? string.Create(CultureInfo.InvariantCulture, $"a request has waited on it for {time.TotalMilliseconds:F1} ms") : "no request waits on it";
        string state = $"{(admission.Held ? "held" : "not held")}{(admission.AtDoor.Length > 0 ? $" at this front door for the sake of {Printable.Text(admission.AtDoor)}" : "")}";
        string inHand = admission.InHand ? ", one is in hand" : "";
        if (admission.Use is not { } use) return $"{state}: {waits}{inHand}";
        return string.Create(CultureInfo.InvariantCulture, $"{state}: {waits}{inHand}; of the connections of {use.VirtualService} {use.Held} are held, {use.HeldWaiting} of them with a request, and {use.Admitted} have a place");
    }

    private static string Sentence(ExplainStep step, int subject)
    {
        string who = step.Pid == subject ? "" : $"process {Name(step.Pid, step.Comm)} works for {step.VirtualService}: ";
        string at = step.At is { } time ? string.Create(CultureInfo.InvariantCulture, $" at {time.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z") : "";
        string gate = step.Gate.Length > 0 ? $", bound by gate {step.Gate}" : "";
        string said = step.Kind switch
        {
            ExplainStepKind.Assigned => $"assigned by 'vs assign'{at}",
            ExplainStepKind.Gate => $"gate {step.Gate} bound it{at}{Asked(step)}",
            ExplainStepKind.Fork => $"inherited{at} from the process that made it{(step.Other != 0 ? string.Create(CultureInfo.InvariantCulture, $", {step.Other}") : "")}{gate}",
            ExplainStepKind.FrontDoor => $"front door{Chosen(step)}, found{at}",
            ExplainStepKind.Service => $"process of a service{Chosen(step)}, found{at}; no gate has bound it yet",
            ExplainStepKind.Released => "given back by 'vs assign --none'; the enforcer has not looked at it yet",
            _ => "no rule",
        };
        return $"{who}{said}{(step.Note.Length > 0 ? $" ({step.Note})" : "")}";
    }

    private static string Asked(ExplainStep step)
    {
        string over = step.Connection.Length > 0 ? $" over {Printable.Text(step.Connection)}" : "";
        if (step.Other != 0) return string.Create(CultureInfo.InvariantCulture, $", asked by process {step.Other}{over}");
        return over.Length > 0 ? $", asked{over} by no process of this host" : "";
    }

    private static string Chosen(ExplainStep step) => step.Selectors.Count > 0 ? $" {string.Join(", ", step.Selectors)}" : "";

    private static string Name(int pid, string comm) => string.Create(CultureInfo.InvariantCulture, $"{pid} ({Printable.Text(comm)})");
}
