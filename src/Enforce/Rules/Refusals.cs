using VirtualServices.Model;

namespace VirtualServices.Enforce.Rules;

/// <summary>What of a rule set cannot be enforced. It is refused as a whole, never weakened.</summary>
internal static class Refusals
{
    /// <summary>Throws with all reasons, one a line.</summary>
    /// <param name="rules">Rules.</param>
    /// <param name="audit">True where gates only classify and count: what would need a share is then no reason.</param>
    public static void Check(RuleSet rules, bool audit)
    {
        List<string> reasons = [.. Find(rules, audit).Select(refusal => $"{refusal.Subject}: {refusal.Text}")];
        if (reasons.Count > 0) throw new VsException(ExitCode.BadInput, $"these rules cannot be enforced, nothing was changed:\n  {string.Join("\n  ", reasons)}");
    }

    /// <summary>All reasons, each with the object that it is about.</summary>
    public static IEnumerable<Refusal> Find(RuleSet rules, bool audit)
    {
        ArgumentNullException.ThrowIfNull(rules);
        return OfVirtualServices(rules, audit).Concat(OfServices(rules)).Concat(OfGates(rules, audit));
    }

    private static IEnumerable<Refusal> OfVirtualServices(RuleSet rules, bool audit)
    {
        foreach (VirtualService vs in rules.VirtualServices)
        {
            if (rules.Devices.Count == 0 && HasNetworkShare(vs)) yield return new Refusal(RefusedPart.VirtualService, vs.Name, $"a network share needs a device: add 'network: {{ devices: [ {{ name: eth0 }} ] }}' to the rule file or call 'vs enforce' with --device eth0", "network");
        }
    }

    // The weight of best effort has a default of its own and means nothing as long as nobody else has a network share.
    private static bool HasNetworkShare(VirtualService vs) => vs.Name != VirtualService.BestEffort && vs.Network != new NetworkShare();

    private static IEnumerable<Refusal> OfServices(RuleSet rules)
    {
        foreach (Service service in rules.Services)
            foreach ((int at, Selector match) in service.Match.Index())
            {
                if (!Selector.ChoosesProcesses(match.Kind)) yield return new Refusal(RefusedPart.Service, service.Name, $"{match} chooses connections, not processes", $"match.{at}");
            }
    }

    private static IEnumerable<Refusal> OfGates(RuleSet rules, bool audit)
    {
        HashSet<string> services = [.. rules.Services.Select(service => service.Name)];
        HashSet<string> names = [.. rules.VirtualServices.Select(vs => vs.Name)];
        foreach (Gate gate in rules.Gates.Where(gate => gate.State == GateState.Approved))
        {
            string call = gate.On.ToString().ToLowerInvariant(), scope = gate.Binds.ToString().ToLowerInvariant();
            if (!services.Contains(gate.Service)) yield return new Refusal(RefusedPart.Gate, gate.Id, $"there is no service '{gate.Service}'", "service");
            bool asked = gate.On is GateCall.Accept or GateCall.Receive;
            if (!asked && (gate.Classify.Kind == ClassificationKind.Requester || gate.When.Requesters is not null)) yield return new Refusal(RefusedPart.Gate, gate.Id, $"nobody is asking at {call}: a requester is known at accept and receive only", gate.Classify.Kind == ClassificationKind.Requester ? "classify" : "when.requester");
            if (gate.When.Listen is not null && !asked && gate.On != GateCall.Send) yield return new Refusal(RefusedPart.Gate, gate.Id, $"no accepted connection is involved at {call}: remove 'listen'", "when.listen");
            if (gate.On == GateCall.Accept && gate.When.Listen is { Protocol: TransportProtocol.Udp }) yield return new Refusal(RefusedPart.Gate, gate.Id, $"datagrams ({gate.When.Listen}) are never accepted: use 'on: receive'", "when.listen");
            if (!Fits(gate.On, gate.Binds)) yield return new Refusal(RefusedPart.Gate, gate.Id, $"there is no {scope} to bind at {call}", "binds");
            else if (gate.Binds == BindScope.Request && !audit && NotAdmitted(gate) is { } reason) yield return new Refusal(RefusedPart.Gate, gate.Id, $"'binds: request' is enforced by admitting requests one by one, and {reason}. Use process or thread where one serves one requester at a time, or see what each uses with 'vs enforce --audit'", "binds");
            if (gate.On is GateCall.Connect && gate.Binds == BindScope.Connection && gate.Classify.Kind == ClassificationKind.Creator) yield return new Refusal(RefusedPart.Gate, gate.Id, "a connection belongs to its creator already: remove the gate", "classify");
            if (asked && gate.Classify.Kind == ClassificationKind.Creator && gate.When.Listen is { Protocol: TransportProtocol.Unix or TransportProtocol.Udp })
                yield return new Refusal(RefusedPart.Gate, gate.Id, $"who made the socket of {gate.When.Listen} cannot be seen on this kernel without its security hooks: use requester, or the name of a virtual service", "classify");
            if (gate.Classify.Kind == ClassificationKind.Named && !names.Contains(gate.Classify.VirtualService)) yield return new Refusal(RefusedPart.Gate, gate.Id, $"there is no virtual service '{gate.Classify.VirtualService}'", "classify");
            foreach (string requester in gate.When.Requesters ?? [])
                if (!names.Contains(requester)) yield return new Refusal(RefusedPart.Gate, gate.Id, $"there is no virtual service '{requester}'", "when.requester");
        }
    }

    private static string? NotAdmitted(Gate gate) => (gate.On, gate.When.Listen?.Protocol) switch
    {
        (not GateCall.Receive, _) => "one that is being answered cannot be held any more",
        (_, TransportProtocol.Unix) => $"requests on a unix socket ({gate.When.Listen}) cannot be held: poll ignores SO_RCVLOWAT there. Let the service listen on TCP",
        (_, TransportProtocol.Udp) => $"datagrams ({gate.When.Listen}) cannot be held",
        (_, null) => "it must be known at which address they come: name it with 'listen'",
        _ => null,
    };

    private static bool Fits(GateCall call, BindScope scope) => scope switch
    {
        BindScope.Connection => call is not (GateCall.Fork or GateCall.Exec),
        BindScope.Request => call is GateCall.Receive or GateCall.Send,
        BindScope.Thread => call != GateCall.Exec,
        _ => true,
    };
}
