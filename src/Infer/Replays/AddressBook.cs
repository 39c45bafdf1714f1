using System.Net;
using VirtualServices.Model;

namespace VirtualServices.Infer.Replays;

/// <summary>Listening addresses that rules name, and which of them the session has: a socket that listens there, or a connection to it.</summary>
internal sealed class AddressBook
{
    private readonly List<NamedAddress> _missing = [];

    public AddressBook(RuleSet rules)
    {
        foreach (VirtualService vs in rules.VirtualServices) Add(vs.FrontDoors, address => new NamedAddress(AddressUse.FrontDoor, vs.Name, address));
        foreach (Service service in rules.Services) Add(service.Match, address => new NamedAddress(AddressUse.Service, service.Name, address));
        foreach (Gate gate in rules.Gates)
            if (gate.State != GateState.Rejected && gate.When.Listen is { } listen) _missing.Add(new NamedAddress(AddressUse.Gate, gate.Id, listen));
    }

    /// <summary>Those of which nothing was seen, in the order of the rules.</summary>
    public IReadOnlyList<NamedAddress> Missing => _missing;

    /// <summary>Something listens, or was asked, at this end.</summary>
    public void See(TransportProtocol protocol, Endpoint local)
    {
        if (_missing.Count == 0) return;
        bool everywhere = local.Address is { } own && (own.Equals(IPAddress.Any) || own.Equals(IPAddress.IPv6Any));
        _missing.RemoveAll(named => named.Address.Matches(protocol, local) || (everywhere && named.Address.Protocol == protocol && named.Address.Port == local.Port));
    }

    private void Add(IReadOnlyList<Selector> selectors, Func<ListenAddress, NamedAddress> name)
    {
        foreach (Selector selector in selectors)
            if (selector.Kind == SelectorKind.Listen && ListenAddress.TryParse(selector.Value, out ListenAddress address)) _missing.Add(name(address));
    }
}
