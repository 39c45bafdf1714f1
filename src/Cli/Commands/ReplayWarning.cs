using VirtualServices.Infer.Replays;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary>What of the rules the session cannot show: zeros would else read like a result.</summary>
/// <param name="Service">A service that is not in the session, or not at an address of its match; empty where something else is meant.</param>
/// <param name="VirtualService">A virtual service whose front door a session does not hold; empty where something else is meant.</param>
/// <param name="Gate">Id of a gate for an address that the session does not have; empty where something else is meant.</param>
/// <param name="Line">Where it stands in the rule file.</param>
/// <param name="Text">What is the matter, and what the session has instead.</param>
internal sealed record ReplayWarning(string Service, string VirtualService, string Gate, int Line, string Text)
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
                "",
                document.LineOfService(service.Name),
                $"no process of the session belongs to it, so nothing is charged; the session has {Printable.Text(has)}")),
            .. document.Rules.VirtualServices.Where(vs => vs.FrontDoors.Any(door => door.Kind == SelectorKind.Host)).Select(vs => new ReplayWarning(
                "",
                vs.Name,
                "",
                document.LineOfVirtualService(vs.Name, "frontDoors"),
                "a recording does not hold the names that clients ask for, so what 'host' would give it is charged to nobody here")),
            .. result.Missing.Select(named => Missing(named, document, result)).OfType<ReplayWarning>(),
        ];
    }

    // Where nothing of a service is there, that is told already.
    private static ReplayWarning? Missing(NamedAddress named, RuleDocument document, ReplayResult result)
    {
        string lacks = $"in the session nothing listens at {named.Address} and nobody asked there, so";
        switch (named.Use)
        {
            case AddressUse.FrontDoor:
                return new ReplayWarning("", named.Name, "", document.LineOfVirtualService(named.Name, "frontDoors"), $"{lacks} this front door gives it nothing here");
            case AddressUse.Service:
                return Occurs(named.Name) ? new ReplayWarning(named.Name, "", "", document.LineOfService(named.Name, "match"), $"{lacks} nothing belongs to it by that here") : null;
            default:
                Gate gate = document.Rules.Gates.First(gate => gate.Id == named.Name);
                return Occurs(gate.Service) ? new ReplayWarning("", "", gate.Id, document.LineOfGate(gate.Id, "when", "listen"), $"{lacks} it acts on nothing here") : null;
        }

        bool Occurs(string service) => result.Services.Any(one => one.Name == service && one.Occurs);
    }

    /// <summary>What it is about, in words.</summary>
    public string Subject => Service.Length > 0 ? $"service '{Service}'" : Gate.Length > 0 ? $"gate '{Gate}'" : $"virtual service '{VirtualService}'";
}
