using System.CommandLine;
using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs assign</c>: explicit membership.</summary>
internal static class AssignCommand
{
    public static Command Create(CommandContext context)
    {
        var words = new Argument<string[]>("VS PID...") { Description = "The virtual service, then the processes; with --none only processes", Arity = ArgumentArity.OneOrMore };
        var none = new Option<bool>("--none") { Description = "Give the processes back to the rules, with those that inherited the assignment" };
        var json = new Option<bool>("--json") { Description = "Print one JSON document" };
        var command = new VsCommand(
            "assign",
            "Says for whom processes work, whatever rules and gates say: all their threads, and children made from now on. Holds until --none or 'vs stop', also when the enforcer is killed and started again. A process may be assigned again to another virtual service.",
            "vs assign acme 4711 4712\nvs assign --none 4711")
        { words, none, json };
        command.Run(result => Run(result.GetValue(words)!, result.GetValue(none), result.GetValue(json), context, ExplicitMembership.Assign, ExplicitMembership.Release));
        return command;
    }

    internal static ExitCode Run(
        IReadOnlyList<string> words,
        bool none,
        bool json,
        CommandContext context,
        Func<string, IReadOnlyList<int>, IReadOnlyList<MembershipChange>> assign,
        Func<IReadOnlyList<int>, IReadOnlyList<MembershipChange>> release)
    {
        int[] pids = [.. words.Skip(none ? 0 : 1).Select(Pid)];
        if (pids.Length == 0) throw new VsException(ExitCode.Usage, "assign needs processes: vs assign VS PID..., or vs assign --none PID...");
        IReadOnlyList<MembershipChange> changes = none ? release(pids) : assign(words[0], pids);
        if (json) JsonText.WriteDocument(context.Out, document => JsonText.WriteList(document, "processes", changes, change =>
        {
            document.WriteNumber("pid", change.Pid);
            document.WriteString("comm", change.Comm);
            document.WriteString("vs", change.VirtualService);
            document.WriteString("before", change.Before);
        }));
        else foreach (MembershipChange change in changes) context.Out.WriteLine(Sentence(change, none));
        return ExitCode.Done;
    }

    private static string Sentence(MembershipChange change, bool none)
    {
        string before = change.Before.Length == 0 ? "was not governed before" : change.Before == change.VirtualService ? "as before" : $"before: {change.Before}";
        string now = change.VirtualService.Length == 0 ? "is not governed any more" : none ? $"works for {change.VirtualService} by the rules" : $"works for {change.VirtualService}";
        return string.Create(CultureInfo.InvariantCulture, $"{change.Pid} ({Printable.Text(change.Comm)}) {now}; {before}");
    }

    private static int Pid(string word) => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) && pid > 0
        ? pid
        : throw new VsException(ExitCode.Usage, $"'{word}' is not a process id: vs assign VS PID..., or vs assign --none PID...");
}
