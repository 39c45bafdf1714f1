using System.Globalization;
using System.Text;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Members;

/// <summary>
/// Selectors as the kernel looks them up when a process starts, connects or listens. <c>pid</c>, unix sockets and hierarchies that the kernel's programs
/// do not read (systemd's own of cgroup v1) are left to <see cref="MemberScan"/>.
/// </summary>
internal static class MemberTables
{
    /// <summary>How a member is looked up: <c>selected</c> in <c>gates.h</c>.</summary>
    public const uint Cgroup = 1, CgroupV1 = 2, Uid = 3, Exe = 4, Unit = 5;

    /// <summary>What each selector makes of a process. The lower rank wins: services in the order of the file, virtual services by priority, then in the order of the file.</summary>
    public static IReadOnlyDictionary<Selector, Member> Members(CompiledRules rules)
    {
        Dictionary<Selector, Member> members = [];
        uint rank = 0;
        foreach ((uint id, Service service) in rules.Services)
        {
            foreach (Selector selector in service.Match.Where(selector => !members.ContainsKey(selector)))
                members[selector] = new Member(id, rank, 0, 0, 0, 0);
            rank++;
        }

        rank = 0;
        foreach ((uint id, VirtualService vs) in rules.VirtualServices.OrderByDescending(vs => vs.VirtualService.Priority))
        {
            foreach (Selector selector in vs.FrontDoors)
            {
                Member member = members.GetValueOrDefault(selector);
                if (member.VirtualService == IdTable.None) members[selector] = member with { VirtualService = id, VirtualServiceRank = rank };
            }

            rank++;
        }

        return members;
    }

    /// <summary>Flags of <c>control</c> that these selectors need.</summary>
    public static ControlFlags Flags(CompiledRules rules, bool namedHierarchy)
    {
        // An executable may be replaced by another file, or be of a container; both are found by its path only.
        bool scan = Members(rules).Keys.Any(selector => selector.Kind == SelectorKind.Exe || (namedHierarchy && selector.Kind is SelectorKind.Unit or SelectorKind.Cgroup));
        return scan ? ControlFlags.ScanOnExec : ControlFlags.None;
    }

    /// <summary>Writes what is known now for a generation; may be repeated to find what came since.</summary>
    public static void Write(GateKernel kernel, CompiledRules rules, uint generation)
    {
        IReadOnlyDictionary<Selector, Member> members = Members(rules);
        Dictionary<MemberKey, Member> entries = [];
        CgroupMount[] mounts = [.. CgroupMount.Find().Where(mount => mount.Version == 2 || mount.Controllers.Contains("cpu")).DistinctBy(mount => mount.Version)];
        Dictionary<string, Member> units = [];
        foreach ((Selector selector, Member member) in members)
        {
            switch (selector.Kind)
            {
                case SelectorKind.Uid:
                    Add(entries, new MemberKey(uint.Parse(selector.Value, CultureInfo.InvariantCulture), 0, Uid, generation), member);
                    break;
                case SelectorKind.Exe:
                    if (CgroupIds.OfExecutable(selector.Value) is { } file) Add(entries, new MemberKey(file.Inode, file.Device, Exe, generation), member);
                    break;
                case SelectorKind.Cgroup:
                    WriteName(kernel["member_names"], Cgroup, generation, selector.Value.Length > 1 ? selector.Value.TrimEnd('/') : selector.Value, member);
                    foreach (CgroupMount mount in mounts)
                        if (CgroupIds.Of(mount, selector.Value) is { } id) Add(entries, GroupKey(mount, id, generation), member);
                    break;
                case SelectorKind.Unit:
                    WriteName(kernel["member_names"], Unit, generation, selector.Value, member);
                    units[selector.Value] = member;
                    break;
                case SelectorKind.Listen:
                    if (ListenAddress.TryParse(selector.Value, out ListenAddress address) && address.Protocol == TransportProtocol.Tcp)
                        kernel["member_listeners"].Update(RuleTables.KeyOf(address, generation), member);
                    break;
                default:
                    break;
            }
        }

        if (units.Count > 0)
            foreach (CgroupMount mount in mounts)
                foreach ((string name, ulong id) in CgroupIds.Named(mount, units.Keys.ToHashSet())) Add(entries, GroupKey(mount, id, generation), units[name]);
        foreach ((MemberKey key, Member member) in entries) kernel["members"].Update(key, member);
    }

    /// <summary>Removes generations.</summary>
    public static void Remove(GateKernel kernel, Func<uint, bool> which)
    {
        foreach (MemberKey key in kernel["members"].Keys<MemberKey>().Where(key => which(key.Generation))) kernel["members"].Delete(key);
        foreach (MemberName key in kernel["member_names"].Keys<MemberName>().Where(key => which(key.Generation))) kernel["member_names"].Delete(key);
        foreach (InetKey key in kernel["member_listeners"].Keys<InetKey>().Where(key => which(key.Generation))) kernel["member_listeners"].Delete(key);
    }

    private static MemberKey GroupKey(CgroupMount mount, ulong id, uint generation) => new(id, 0, mount.Version == 2 ? Cgroup : CgroupV1, generation);

    // Two selectors may name the same thing, such as a unit and its cgroup.
    private static void Add(Dictionary<MemberKey, Member> entries, MemberKey key, Member member)
    {
        if (!entries.TryGetValue(key, out Member present))
        {
            entries[key] = member;
            return;
        }

        if (member.Service != IdTable.None && (present.Service == IdTable.None || member.ServiceRank < present.ServiceRank)) present = present with { Service = member.Service, ServiceRank = member.ServiceRank, Flags = member.Flags };
        if (member.VirtualService != IdTable.None && (present.VirtualService == IdTable.None || member.VirtualServiceRank < present.VirtualServiceRank))
            present = present with { VirtualService = member.VirtualService, VirtualServiceRank = member.VirtualServiceRank };
        entries[key] = present;
    }

    private static void WriteName(BpfMap map, uint kind, uint generation, string text, Member member)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length > 247) return; // longer than what is looked up: left to the scan
        MemberName name = new() { Kind = kind, Generation = generation };
        bytes.CopyTo((Span<byte>)name.Text);
        map.Update(name, member);
    }
}
