using System.Globalization;
using VirtualServices.Model;
using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules.Reading;

/// <summary>Reads the whole file and checks what its parts say of each other: unique names, known references, parents without cycles.</summary>
internal sealed class RuleSetParser(RuleErrors errors)
{
    /// <summary>More than this makes no sense on one host, and bounds what the checks cost.</summary>
    private const int MaxItems = 2000;

    /// <summary>Nested virtual services are nested cgroups, and each level costs scheduling time.</summary>
    private const int MaxLevels = 16;

    private readonly Dictionary<string, YamlNode> _virtualServices = new(StringComparer.Ordinal);
    private readonly Dictionary<string, YamlNode> _services = new(StringComparer.Ordinal);
    private readonly Dictionary<string, YamlNode> _gates = new(StringComparer.Ordinal);

    /// <summary>Reads the tree; throws with all errors.</summary>
    public (RuleSet Rules, RuleLines Lines) Read(YamlNode? root)
    {
        if (root is null or YamlScalar { IsNull: true })
        {
            errors.Add(1, "the file is empty, expected a rule file beginning with version: 1");
            errors.ThrowIfAny();
        }

        var reader = new MappingReader(root!, "the rule file", RuleKeys.Root, errors);
        CheckVersion(reader);

        List<VirtualService> virtualServices = ReadAll(reader, "virtualServices", "virtual service", VirtualServiceParser.Read, vs => vs.Name, _virtualServices);
        List<Service> services = ReadAll(reader, "services", "service", ServiceParser.Read, service => service.Name, _services);
        List<Gate> gates = ReadAll(reader, "gates", "gate", GateParser.Read, gate => gate.Id, _gates);
        if (!_virtualServices.ContainsKey(VirtualService.BestEffort)) virtualServices.Add(VirtualServiceParser.BestEffort);

        IReadOnlyList<GovernedDevice> devices = NetworkParser.Read(reader, errors);
        CheckParents(virtualServices);
        CheckGates(gates, virtualServices);
        errors.ThrowIfAny();
        return (new RuleSet(virtualServices, services, gates) { Devices = devices }, new RuleLines(_virtualServices, _services, _gates, reader.Node("network")));
    }

    private void CheckVersion(MappingReader reader)
    {
        string expected = string.Create(CultureInfo.InvariantCulture, $"version: {RuleSet.FormatVersion}");
        if (reader.Whole("version", long.MinValue, long.MaxValue, expected, required: true) is not { } version || version == RuleSet.FormatVersion) return;

        // Another version may mean other keys: errors about these would only mislead.
        errors.Add(reader.LineOf("version"), $"version is {version}, expected {expected}: this program reads no other");
        errors.ThrowIfAny();
    }

    private List<T> ReadAll<T>(
        MappingReader file, string key, string what, Func<YamlNode, RuleErrors, T?> read, Func<T, string> nameOf, Dictionary<string, YamlNode> nodes)
        where T : class
    {
        var all = new List<T>();
        IReadOnlyList<YamlNode> items = file.Items(key);
        if (items.Count > MaxItems)
        {
            errors.Add(items[MaxItems].Line, $"{key} has {items.Count} entries, expected at most {MaxItems}");
            errors.ThrowIfAny();
        }

        foreach (YamlNode node in items)
        {
            if (read(node, errors) is not { } item) continue;
            string name = nameOf(item);
            if (nodes.TryAdd(name, node)) all.Add(item);
            else errors.Add(node.Line, $"{what} '{name}' stands in line {nodes[name].Line} already, expected another name");
        }

        return all;
    }

    private void CheckParents(List<VirtualService> all)
    {
        var parents = all.ToDictionary(vs => vs.Name, vs => vs.Parent, StringComparer.Ordinal);
        var cyclic = new HashSet<string>(StringComparer.Ordinal);
        foreach (VirtualService vs in all)
        {
            if (vs.Parent is null) continue;
            if (vs.Parent == VirtualService.BestEffort)
                errors.Add(LineOf(vs, "parent"), $"parent of virtual service '{vs.Name}' is bestEffort, expected another: best effort has no children");
            else if (!parents.ContainsKey(vs.Parent))
                errors.Add(LineOf(vs, "parent"), $"parent of virtual service '{vs.Name}' is '{vs.Parent}', which does not exist, expected {NamesOf(all)}");

            CheckWalk(vs, parents, cyclic);
        }
    }

    /// <summary>Walks up to the root. A cycle is reported once, at the virtual service where it was found first.</summary>
    private void CheckWalk(VirtualService vs, Dictionary<string, string?> parents, HashSet<string> cyclic)
    {
        var walk = new List<string>();
        for (string? at = vs.Name; at is not null && !cyclic.Contains(at); at = parents.GetValueOrDefault(at))
        {
            int first = walk.IndexOf(at);
            if (first >= 0)
            {
                errors.Add(LineOf(vs, "parent"), $"virtual services are their own parents: {string.Join(" -> ", walk.Skip(first).Append(at))}, expected a tree");
                cyclic.UnionWith(walk);
                return;
            }

            walk.Add(at);
            if (walk.Count <= MaxLevels) continue;
            errors.Add(LineOf(vs, "parent"), $"virtual service '{vs.Name}' stands below more than {MaxLevels - 1} others, expected at most {MaxLevels} levels");
            return;
        }
    }

    private void CheckGates(List<Gate> gates, List<VirtualService> virtualServices)
    {
        var known = virtualServices.Select(vs => vs.Name).ToHashSet(StringComparer.Ordinal);
        foreach (Gate gate in gates)
        {
            var node = (YamlMapping)_gates[gate.Id];
            if (!_services.ContainsKey(gate.Service))
            {
                string expected = _services.Count == 0 ? "an entry of services, of which there is none" : Shorten(_services.Keys);
                errors.Add(RuleLines.LineOf(node, "service"), $"service of gate '{gate.Id}' is '{gate.Service}', which does not exist, expected {expected}");
            }

            if (gate.Classify.Kind == ClassificationKind.Named && !known.Contains(gate.Classify.VirtualService))
            {
                errors.Add(
                    RuleLines.LineOf(node, "classify"),
                    $"classify of gate '{gate.Id}' is '{gate.Classify.VirtualService}', which is no virtual service, expected requester, creator, keep or one of {NamesOf(virtualServices)}");
            }

            foreach (string requester in gate.When.Requesters ?? [])
            {
                if (!known.Contains(requester))
                    errors.Add(RuleLines.LineOf(node, "when", "requester"), $"requester '{requester}' of gate '{gate.Id}' is no virtual service, expected {NamesOf(virtualServices)}");
            }
        }
    }

    private int LineOf(VirtualService vs, string key) => RuleLines.LineOf(_virtualServices[vs.Name], key);

    private static string NamesOf(IEnumerable<VirtualService> all) => Shorten(all.Select(vs => vs.Name));

    private static string Shorten(IEnumerable<string> names)
    {
        string[] first = names.Take(11).ToArray();
        return first.Length <= 10 ? string.Join(", ", first) : string.Join(", ", first.Take(10)) + " ...";
    }
}
