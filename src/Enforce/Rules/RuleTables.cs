using System.Text;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Members;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Rules;

/// <summary>Writes compiled rules into the kernel as a new generation beside the present one, then switches by one word: never half a rule set.</summary>
internal static class RuleTables
{
    private const ushort Tcp = 6, Udp = 17;

    /// <summary>Number of the rule set that is in force; 0 before the first.</summary>
    public static uint Generation(GateKernel kernel)
    {
        kernel["control"].TryLookup(0u, out Control present);
        return present.Generation;
    }

    /// <summary>Writes, switches, and removes the generation before.</summary>
    /// <exception cref="VsException">More rules than the maps hold.</exception>
    public static uint Swap(GateKernel kernel, CompiledRules rules, IdTable ids, ulong nowNs)
    {
        BpfMap control = kernel["control"];
        control.TryLookup(0u, out Control present);
        uint next = present.Generation + 1;
        CheckRoom(kernel, ids);

        // Once something was told apart it is until all is stopped: tags keep it. Before the first thread or request is bound.
        bool whole = rules.BindsWholeProcesses && (present.Generation == 0 || present.Flags.HasFlag(ControlFlags.WholeProcesses));
        if (!whole) control.Update(0u, present with { Flags = present.Flags & ~ControlFlags.WholeProcesses });
        try
        {
            ids.Write(kernel["names"]);
            ShareTable.Write(kernel, rules, next);
            LimitTable.Write(kernel, rules.Counters, next);
            WriteEndpoints(kernel, rules, next);
            MemberTables.Write(kernel, rules, next);
            WriteClients(kernel["clients"], rules, next);
            WriteHosts(kernel["hosts"], rules, next);
            IReadOnlyDictionary<uint, uint> callsOf = rules.Calls();
            foreach ((uint id, _) in rules.Services)
            {
                kernel["service_calls"].TryLookup(id, out ServiceCallsPair calls);
                ServiceCalls own = new(next, callsOf.GetValueOrDefault(id));
                kernel["service_calls"].Update(id, next % 2 == 0 ? calls with { Even = own } : calls with { Odd = own });
            }

            foreach ((RuleKey key, Rule rule) in rules.Entries) kernel["rules"].Update(key with { Generation = next }, rule);
            foreach ((uint id, _) in rules.VirtualServices)
            {
                kernel["vs_alive"].TryLookup(id, out Alive alive);
                kernel["vs_alive"].Update(id, next % 2 == 0 ? alive with { Even = next } : alive with { Odd = next });
            }
        }
        catch
        {
            Remove(kernel, generation => generation == next);
            throw;
        }

        control.Update(0u, new Control { Generation = next, Flags = MemberTables.Flags(rules, HasNamedHierarchy()) | (rules.Counters.Any(counter => counter.CountsProcesses) ? ControlFlags.CountsProcesses : ControlFlags.None) | (whole ? ControlFlags.WholeProcesses : ControlFlags.None), SinceNs = present.SinceNs == 0 ? nowNs : present.SinceNs });
        MemberTables.Write(kernel, rules, next); // cgroups that were made since the first time: the kernel added them to the generation before
        Remove(kernel, generation => generation != next);
        return next;
    }

    // The longest prefix wins in the kernel; the same network twice is an error that vs check reports.
    private static void WriteClients(BpfMap map, CompiledRules rules, uint generation)
    {
        foreach ((uint id, VirtualService vs) in rules.VirtualServices)
            foreach (Selector door in vs.FrontDoors.Where(door => door.Kind == SelectorKind.Client))
            {
                System.Net.IPNetwork network = System.Net.IPNetwork.Parse(door.Value);
                bool v4 = network.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;
                ClientKey key = new() { Generation = generation, Bits = (uint)(32 + network.PrefixLength + (v4 ? 96 : 0)) };
                network.BaseAddress.MapToIPv6().GetAddressBytes().CopyTo((Span<byte>)key.Address);
                map.Update(key, id);
            }
    }

    // Backwards, so that the longest known end of a name wins; a whole name ends with a zero byte, which no longer name has there.
    private static void WriteHosts(BpfMap map, CompiledRules rules, uint generation)
    {
        foreach ((uint id, VirtualService vs) in rules.VirtualServices)
            foreach (Selector door in vs.FrontDoors.Where(door => door.Kind == SelectorKind.Host))
            {
                if (!HostName.TryParse(door.Value, out HostName name)) throw VsException.BadInput(door.ToString(), $"expected {HostName.Expected}");
                string end = name.IsWildcard ? name.Text[1..] : name.Text;
                byte[] text = [.. Encoding.ASCII.GetBytes(end).Reverse()];
                NameKey key = new() { Generation = generation, Bits = (uint)(32 + 8 * (text.Length + (name.IsWildcard ? 0 : 1))) };
                text.CopyTo((Span<byte>)key.Text);
                map.Update(key, id);
            }
    }

    private static void CheckRoom(GateKernel kernel, IdTable ids)
    {
        if (ids.Highest(IdKind.Gate) >= kernel["gate_counts"].MaxEntries || ids.Highest(IdKind.VirtualService) >= kernel["vs_alive"].MaxEntries || ids.Highest(IdKind.Service) >= kernel["service_calls"].MaxEntries || ids.Highest(IdKind.Counter) >= kernel["limits"].MaxEntries)
            throw new VsException(ExitCode.HostLacks, $"the kernel's tables hold {kernel["vs_alive"].MaxEntries - 1} virtual services and {kernel["gate_counts"].MaxEntries - 1} gates over all rule files since the gates were loaded: run 'vs stop', then 'vs enforce'");
    }

    private static void WriteEndpoints(GateKernel kernel, CompiledRules rules, uint generation)
    {
        foreach ((uint id, ListenAddress address) in rules.Endpoints)
        {
            if (address.Protocol == TransportProtocol.Unix)
            {
                UnixKey key = new() { Generation = generation };
                byte[] path = Encoding.UTF8.GetBytes(address.Path);
                if (path.Length > 108) throw VsException.BadInput(address.ToString(), "the path of a unix socket has at most 108 bytes");
                path.CopyTo((Span<byte>)key.Path);
                if (path[0] == '@') key.Path[0] = 0; // the abstract name space
                kernel["unix_endpoints"].Update(key, id);
                continue;
            }

            kernel["inet_endpoints"].Update(KeyOf(address, generation), id);
        }
    }

    /// <summary>Key of an internet address.</summary>
    public static InetKey KeyOf(ListenAddress address, uint generation)
    {
        InetKey key = new() { Generation = generation, Port = (ushort)address.Port, Protocol = address.Protocol == TransportProtocol.Udp ? Udp : Tcp };
        if (address.Address is { } ip) ip.MapToIPv6().GetAddressBytes().CopyTo((Span<byte>)key.Address);
        return key;
    }

    private static bool HasNamedHierarchy() => CgroupMount.Find().Any(mount => mount.Options.Contains("name=systemd"));

    private static void Remove(GateKernel kernel, Func<uint, bool> which)
    {
        foreach (ulong key in kernel["vs_shares"].Keys<ulong>().Where(key => which((uint)(key >> 32)))) kernel["vs_shares"].Delete(key);
        foreach (RuleKey key in kernel["rules"].Keys<RuleKey>().Where(key => which(key.Generation))) kernel["rules"].Delete(key);
        foreach (ClientKey key in kernel["clients"].Keys<ClientKey>().Where(key => which(key.Generation))) kernel["clients"].Delete(key);
        foreach (NameKey key in kernel["hosts"].Keys<NameKey>().Where(key => which(key.Generation))) kernel["hosts"].Delete(key);
        foreach (InetKey key in kernel["inet_endpoints"].Keys<InetKey>().Where(key => which(key.Generation))) kernel["inet_endpoints"].Delete(key);
        MemberTables.Remove(kernel, which);
        foreach (UnixKey key in kernel["unix_endpoints"].Keys<UnixKey>().Where(key => which(key.Generation))) kernel["unix_endpoints"].Delete(key);
    }
}
