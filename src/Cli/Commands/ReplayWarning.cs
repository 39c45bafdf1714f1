using VirtualServices.Infer.Replays;
using VirtualServices.Model.Sessions;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary>A service of the rules that is not in the session: zeros would else read like a result.</summary>
/// <param name="Service">Its name.</param>
/// <param name="Line">Where it stands in the rule file.</param>
/// <param name="Text">What is the matter, and what the session has instead.</param>
internal sealed record ReplayWarning(string Service, int Line, string Text)
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
                document.LineOfService(service.Name),
                $"no process of the session belongs to it, so nothing is charged; the session has {Printable.Text(has)}")),
        ];
    }
}
