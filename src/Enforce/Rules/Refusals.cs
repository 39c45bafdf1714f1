using VirtualServices.Model;

namespace VirtualServices.Enforce.Rules;

/// <summary>What of a rule set cannot be enforced. It is refused as a whole, never weakened.</summary>
internal static class Refusals
{
    /// <summary>Throws with all reasons, one a line.</summary>
    public static void Check(RuleSet rules)
    {
        List<string> reasons = [.. Find(rules).Select(refusal => $"{refusal.Subject}: {refusal.Text}")];
        if (reasons.Count > 0) throw new VsException(ExitCode.BadInput, $"these rules cannot be enforced, nothing was changed:\n  {string.Join("\n  ", reasons)}");
    }

    /// <summary>All reasons, each with the object that it is about.</summary>
    public static IEnumerable<Refusal> Find(RuleSet rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        return rules.VirtualServices.SelectMany(vs => Of(RefusedPart.VirtualService, vs.Name, OfVirtualServices(rules with { VirtualServices = [vs] })))
            .Concat(rules.Services.SelectMany(service => Of(RefusedPart.Service, service.Name, OfServices(rules with { Services = [service] }))))
            .Concat(rules.Gates.Where(gate => gate.State == GateState.Approved).SelectMany(gate => Of(RefusedPart.Gate, gate.Id, OfGates(rules with { Gates = [gate] }))));
    }

    // The reasons begin with the object's kind and name.
    private static IEnumerable<Refusal> Of(RefusedPart part, string name, IEnumerable<string> reasons) =>
        reasons.Select(reason => new Refusal(part, name, reason[$"{Refusal.KindOf(part)} {name}: ".Length..]));

    private static IEnumerable<string> OfVirtualServices(RuleSet rules)
    {
        foreach (VirtualService vs in rules.VirtualServices)
        {
            if (vs.Limits is not null) yield return $"virtual service {vs.Name}: limits cannot be enforced yet: remove 'limits'";
            // The weight of best effort has a default of its own and means nothing as long as nobody else has a network share.
            NetworkShare none = vs.Name == VirtualService.BestEffort ? new NetworkShare(vs.Network.Weight) : new NetworkShare();
            if (vs.Network != none) yield return $"virtual service {vs.Name}: network shares cannot be enforced yet: remove 'network'";
            foreach (Selector door in vs.FrontDoors.Where(door => door.Kind == SelectorKind.Client))
                yield return $"virtual service {vs.Name}: a front door by client network ({door.Value}) cannot be enforced yet: choose processes (unit, cgroup, uid, exe, pid, listen)";
        }
    }

    private static IEnumerable<string> OfServices(RuleSet rules)
    {
        foreach (Service service in rules.Services)
            foreach (Selector match in service.Match)
            {
                if (match.Kind == SelectorKind.Client) yield return $"service {service.Name}: a client network ({match.Value}) chooses no processes";
                if (match.Kind == SelectorKind.Listen && match.Value.StartsWith("udp/", StringComparison.Ordinal)) yield return $"service {service.Name}: datagrams ({match.Value}) cannot be enforced yet: only TCP and unix connections";
            }
    }

    private static IEnumerable<string> OfGates(RuleSet rules)
    {
        HashSet<string> services = [.. rules.Services.Select(service => service.Name)];
        HashSet<string> names = [.. rules.VirtualServices.Select(vs => vs.Name)];
        foreach (Gate gate in rules.Gates.Where(gate => gate.State == GateState.Approved))
        {
            string call = gate.On.ToString().ToLowerInvariant(), scope = gate.Binds.ToString().ToLowerInvariant();
            if (!services.Contains(gate.Service)) yield return $"gate {gate.Id}: there is no service '{gate.Service}'";
            if (gate.On != GateCall.Receive) yield return $"gate {gate.Id}: 'on: {call}' cannot be enforced yet: only receive";
            if (gate.Binds is not (BindScope.Process or BindScope.Thread)) yield return $"gate {gate.Id}: 'binds: {scope}' cannot be enforced yet: only process and thread";
            if (gate.Classify.Kind == ClassificationKind.Creator) yield return $"gate {gate.Id}: 'classify: creator' cannot be enforced yet for receive: only requester, keep and the name of a virtual service";
            if (gate.When.Listen is { Protocol: TransportProtocol.Udp }) yield return $"gate {gate.Id}: datagrams ({gate.When.Listen}) cannot be enforced yet: only TCP and unix connections";
            if (gate.Classify.Kind == ClassificationKind.Named && !names.Contains(gate.Classify.VirtualService)) yield return $"gate {gate.Id}: there is no virtual service '{gate.Classify.VirtualService}'";
            foreach (string requester in gate.When.Requesters ?? [])
                if (!names.Contains(requester)) yield return $"gate {gate.Id}: there is no virtual service '{requester}'";
        }
    }
}
