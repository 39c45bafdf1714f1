using VirtualServices.Model;
using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules.Reading;

/// <summary>Reads one entry of <c>virtualServices</c>.</summary>
internal static class VirtualServiceParser
{
    /// <summary>Weight of best effort where the file does not say: a tenth of a virtual service's, for it shall live on what is left over.</summary>
    public const int BestEffortWeight = 10;

    private const int DefaultWeight = 100;
    private const int MaxWeight = 10_000;
    private const string NameExpected = "a name of letters, digits, '-', '_' and '.', beginning with a letter, at most 63 characters";

    public static VirtualService BestEffort => new(VirtualService.BestEffort, null, 0, new CpuShare(BestEffortWeight), new NetworkShare(BestEffortWeight), null, []);

    // Those of cgroup v1 that carry no controller's name; the others have a dot behind it.
    private static bool IsControlFile(string name) =>
        name is "tasks" or "notify_on_release" or "release_agent" || name.StartsWith("cgroup.", StringComparison.Ordinal) || name.StartsWith("cpu.", StringComparison.Ordinal);

    public static VirtualService? Read(YamlNode node, RuleErrors errors)
    {
        string what = MappingReader.Call(node, "virtual service", "name", text => RuleWords.IsName(text, 63) && !RuleWords.IsReserved(text) && !IsControlFile(text));
        var reader = new MappingReader(node, what, RuleKeys.VirtualService, errors);
        string? name = reader.Text("name", NameExpected, required: true);
        if (name is not null && !RuleWords.IsName(name, 63))
        {
            reader.Bad("name", NameExpected);
            name = null;
        }
        else if (name is not null && RuleWords.IsReserved(name))
        {
            reader.Bad("name", "another name: requester, creator and keep are words of the rule language");
            name = null;
        }
        else if (name is not null && IsControlFile(name))
        {
            reader.Bad("name", "another name: files of a cgroup are called so, and each virtual service has a cgroup of its name");
            name = null;
        }

        bool bestEffort = name == VirtualService.BestEffort;
        if (bestEffort)
        {
            foreach (string key in new[] { "parent", "priority", "limits", "frontDoors" })
            {
                if (reader.Node(key) is { } wrong)
                    errors.Add(wrong.Line, $"{key} in {what}, expected only cpu and network: best effort is where unclassified work runs");
            }
        }

        int weight = bestEffort ? BestEffortWeight : DefaultWeight;
        var result = new VirtualService(
            name ?? "",
            reader.Text("parent", "the name of a virtual service"),
            (int)(reader.Whole("priority", int.MinValue, int.MaxValue) ?? 0),
            ReadCpu(reader, what, weight, errors),
            ReadNetwork(reader, what, weight, errors),
            ReadLimits(reader, what, errors),
            SelectorParser.Read(reader, "frontDoors", what, RuleKeys.FrontDoor, errors));
        return name is null ? null : result;
    }

    private static CpuShare ReadCpu(MappingReader owner, string what, int defaultWeight, RuleErrors errors)
    {
        if (owner.Node("cpu") is not { } node) return new CpuShare(defaultWeight);
        var reader = new MappingReader(node, $"cpu of {what}", RuleKeys.Cpu, errors);

        // 0.01 CPU is 1 ms in the kernel's period of 100 ms, the least that it takes.
        return new CpuShare(
            (int)(reader.Whole("weight", 1, MaxWeight) ?? defaultWeight),
            reader.Real("max", 0.01, 65536, "a number of CPUs 0.01..65536, such as 1.5"));
    }

    private static NetworkShare ReadNetwork(MappingReader owner, string what, int defaultWeight, RuleErrors errors)
    {
        if (owner.Node("network") is not { } node) return new NetworkShare(defaultWeight);
        var reader = new MappingReader(node, $"network of {what}", RuleKeys.Network, errors);
        return new NetworkShare((int)(reader.Whole("weight", 1, MaxWeight) ?? defaultWeight), reader.Rate("assured"), reader.Rate("max"));
    }

    private static MemberLimits? ReadLimits(MappingReader owner, string what, RuleErrors errors)
    {
        if (owner.Node("limits") is not { } node) return null;
        var reader = new MappingReader(node, $"limits of {what}", RuleKeys.Limits, errors);
        int? processes = (int?)reader.Whole("processes", 1, int.MaxValue);
        int? sockets = (int?)reader.Whole("sockets", 1, int.MaxValue);
        if (reader.IsMapping && reader.Node("processes") is null && reader.Node("sockets") is null)
            errors.Add(node.Line, $"limits of {what} limit nothing, expected processes, sockets or both");

        string onLimit = reader.Text("onLimit", "block, best-effort or errno:NAME") ?? RuleWords.ErrnoPrefix + RuleWords.DefaultErrno;
        switch (onLimit)
        {
            case RuleWords.Block:
                return new MemberLimits(processes, sockets, LimitAction.Block, "");
            case RuleWords.BestEffort:
                return new MemberLimits(processes, sockets, LimitAction.BestEffort, "");
            default:
                string errno = onLimit.StartsWith(RuleWords.ErrnoPrefix, StringComparison.Ordinal) ? onLimit[RuleWords.ErrnoPrefix.Length..] : "";
                if (!RuleWords.Errnos.Contains(errno, StringComparer.Ordinal))
                    reader.Bad("onLimit", $"block, best-effort or errno:NAME with NAME one of {string.Join(", ", RuleWords.Errnos)}");
                return new MemberLimits(processes, sockets, LimitAction.Errno, errno);
        }
    }
}
