using VirtualServices.Model;

namespace VirtualServices.Rules.Checks;

/// <summary>Front doors and matches that cannot work as written.</summary>
internal static class FrontDoorChecks
{
    public static IEnumerable<Finding> Check(RuleDocument document)
    {
        var owners = new Dictionary<Selector, string>();
        foreach (VirtualService vs in document.Rules.VirtualServices)
        {
            foreach (Selector door in vs.FrontDoors)
            {
                if (!owners.TryAdd(door, vs.Name))
                    yield return new Finding(
                        Severity.Error, $"virtual service '{vs.Name}'", document.LineOfVirtualService(vs.Name, "frontDoors"),
                        $"front door {door} belongs to virtual service '{owners[door]}' already: work that enters there can get only one of them");
                if (door.Kind == SelectorKind.Pid)
                    yield return new Finding(
                        Severity.Warning, $"virtual service '{vs.Name}'", document.LineOfVirtualService(vs.Name, "frontDoors"), PidText(door));
            }
        }

        foreach (Service service in document.Rules.Services)
        {
            foreach (Selector selector in service.Match.Where(selector => selector.Kind == SelectorKind.Pid))
                yield return new Finding(Severity.Warning, $"service '{service.Name}'", document.LineOfService(service.Name, "match"), PidText(selector));
        }
    }

    private static string PidText(Selector selector) => $"{selector} does not survive a restart of the process; a unit, cgroup, exe or listen selector does";
}
