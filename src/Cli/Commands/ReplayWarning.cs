using VirtualServices.Infer.Replays;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary>What of the rules the session cannot show: zeros would else read like a result.</summary>
/// <param name="Service">A service that is not in the session; empty where a virtual service is meant.</param>
/// <param name="VirtualService">A virtual service whose front door a session does not hold; empty where a service is meant.</param>
/// <param name="Line">Where it stands in the rule file.</param>
/// <param name="Text">What is the matter, and what the session has instead.</param>
internal sealed record ReplayWarning(string Service, string VirtualService, int Line, string Text)
{
    private const int MostNames = 10;

    public static IReadOnlyList<ReplayWarning> Find(RuleDocument document, ReplayResult result, SessionInfo session)
    {
        string[] names = [.. session.Services.Select(service => service.Name).Concat(session.Processes.Select(process => process.Service)).Where(name => name.Length > 0).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        string has = names.Length == 0 ? "no service" : $"{string.Join(", ", names.Take(MostNames))}{(names.Length > MostNames ? " ..." : "")}";
        return
        [
            .. result.Services.Where(service => !service.Occurs).Select(service => new ReplayWarning(
                service.Name,
                "",
                document.LineOfService(service.Name),
                $"no process of the session belongs to it, so nothing is charged; the session has {Printable.Text(has)}")),
            .. document.Rules.VirtualServices.Where(vs => vs.FrontDoors.Any(door => door.Kind == SelectorKind.Host)).Select(vs => new ReplayWarning(
                "",
                vs.Name,
                document.LineOfVirtualService(vs.Name, "frontDoors"),
                "a recording does not hold the names that clients ask for, so what 'host' would give it is charged to nobody here")),
        ];
    }
}
