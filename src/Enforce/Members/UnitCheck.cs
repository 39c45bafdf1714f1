using VirtualServices.Linux.Processes;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Members;

/// <summary>Finds units that this host does not know: a typing error would else wait for ever. A unit that is known but not started is fine.</summary>
internal static class UnitCheck
{
    private static readonly string[] Folders = ["/etc/systemd/system", "/run/systemd/system", "/run/systemd/system.control", "/run/systemd/transient", "/run/systemd/generator", "/run/systemd/generator.early", "/run/systemd/generator.late", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

    /// <summary>Throws for the first unknown unit.</summary>
    public static void Run(RuleSet rules)
    {
        if (Find(rules).FirstOrDefault() is { } refusal) throw new VsException(ExitCode.BadInput, $"{refusal.Subject}: {refusal.Text}");
    }

    /// <summary>The unknown units of all front doors and services.</summary>
    public static IEnumerable<Refusal> Find(RuleSet rules)
    {
        (RefusedPart Part, string Name, Selector Unit, string Place)[] units =
        [
            .. rules.VirtualServices.SelectMany(vs => vs.FrontDoors.Select((door, at) => (RefusedPart.VirtualService, vs.Name, door, $"frontDoors.{at}.unit"))).Where(IsUnit),
            .. rules.Services.SelectMany(service => service.Match.Select((match, at) => (RefusedPart.Service, service.Name, match, $"match.{at}.unit"))).Where(IsUnit),
        ];
        if (units.Length == 0) yield break;
        ProcessTable processes = ProcessTable.Scan();
        foreach ((RefusedPart part, string name, Selector unit, string place) in units)
            if (!IsInstalled(unit.Value) && !processes.Processes.Any(process => SelectorResolver.Matches(unit, process)))
                yield return new Refusal(part, name, $"unit {unit.Value} is not known to this host: no unit file in {string.Join(", ", Folders.Take(3))} ... and no process in it; expected the name of a unit as 'systemctl list-units' shows it", place);
    }

    private static bool IsUnit((RefusedPart Part, string Name, Selector Selector, string Place) chosen) => chosen.Selector.Kind == SelectorKind.Unit;

    // shop@1.service is an instance of shop@.service.
    private static bool IsInstalled(string unit)
    {
        int at = unit.IndexOf('@', StringComparison.Ordinal), dot = unit.LastIndexOf('.');
        string template = at >= 0 && dot > at ? string.Concat(unit.AsSpan(0, at + 1), unit.AsSpan(dot)) : unit;
        return Folders.Any(folder => File.Exists(Path.Combine(folder, unit)) || File.Exists(Path.Combine(folder, template)));
    }
}
