using VirtualServices.Enforce.Kernel;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Rules;

/// <summary>What of the host a rule set can meet.</summary>
internal static class RuleReach
{
    /// <summary>All of it.</summary>
    public static Reach Of(RuleSet rules) => new(BeyondTcp(rules), rules.VirtualServices.Any(vs => vs.FrontDoors.Any(door => door.Kind == SelectorKind.Host)), rules.VirtualServices.Any(vs => vs.Limits?.Processes is not null));

    /// <summary>
    /// True where gates can meet datagrams or unix sockets, or where replies are classified for network shares. Rejected gates do not count; a gate at a fork, an exec or the making of a socket meets no connection.
    /// </summary>
    public static bool BeyondTcp(RuleSet rules) => rules.Devices.Count > 0 || rules.Gates.Any(gate => gate.State != GateState.Rejected && MeetsMore(gate));

    private static bool MeetsMore(Gate gate) =>
        gate.On is GateCall.Receive or GateCall.Accept or GateCall.Send or GateCall.Connect && gate.When.Listen?.Protocol != TransportProtocol.Tcp;
}
