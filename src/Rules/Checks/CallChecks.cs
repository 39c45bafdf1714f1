using VirtualServices.Model;
using VirtualServices.Rules.Reading;

namespace VirtualServices.Rules.Checks;

/// <summary>Narrowings, classifications and scopes that make no sense for a gate's call.</summary>
internal static class CallChecks
{
    public static IEnumerable<Finding> Check(RuleDocument document)
    {
        Dictionary<string, Service> services = document.Rules.Services.ToDictionary(service => service.Name, StringComparer.Ordinal);
        Dictionary<(string, GateCall), int> acting = document.Rules.Gates.Where(gate => gate.State != GateState.Rejected).CountBy(gate => (gate.Service, gate.On)).ToDictionary();
        foreach (Gate gate in document.Rules.Gates)
        {
            if (gate.State == GateState.Rejected) continue;
            string subject = $"gate '{gate.Id}'";
            foreach ((string key, string text) in Check(gate, services[gate.Service]))
                yield return new Finding(Severity.Error, subject, document.LineOfGate(gate.Id, key), text);
            if (gate.Classify.Kind == ClassificationKind.Keep && acting[(gate.Service, gate.On)] == 1)
                yield return new Finding(
                    Severity.Warning, subject, document.LineOfGate(gate.Id, "classify"),
                    $"keep does nothing here: no other gate of service '{gate.Service}' acts on {RuleWords.Of(gate.On)}");
        }
    }

    private static IEnumerable<(string Key, string Text)> Check(Gate gate, Service service)
    {
        string call = RuleWords.Of(gate.On);

        // Only where something arrives is there somebody who asked.
        bool hasRequester = gate.On is GateCall.Accept or GateCall.Receive;
        if (gate.Classify.Kind == ClassificationKind.Requester && !hasRequester)
            yield return ("classify", $"nobody is asking at {call}, so there is no requester; requester fits accept and receive (creator, keep or a virtual service fit here)");
        if (gate.When.Requesters is { Count: 0 })
            yield return ("when", "requester: [] can never hold; leave the key out to mean every requester");
        else if (gate.When.Requesters is not null && !hasRequester)
            yield return ("when", $"nobody is asking at {call}, so a narrowing by requester can never hold; it fits accept and receive");

        if (gate.When.Listen is { } listen)
        {
            if (gate.On is GateCall.Connect or GateCall.Fork or GateCall.Exec or GateCall.Socket)
                yield return ("when", $"a narrowing by listen can never hold at {call}: no accepted connection is involved; it fits accept, receive and send");
            else if (gate.On == GateCall.Accept && listen.Protocol == TransportProtocol.Udp)
                yield return ("when", $"{listen} can never hold at accept: datagrams are received without being accepted; use on: receive");
            else if (!Reachable(listen, service))
                yield return ("when", $"{listen} can never hold: service '{gate.Service}' is matched by other addresses only ({string.Join(", ", service.Match)})");
        }

        bool fits = gate.Binds switch
        {
            BindScope.Connection => gate.On is not (GateCall.Fork or GateCall.Exec),
            BindScope.Request => gate.On is GateCall.Receive or GateCall.Send,
            BindScope.Thread => gate.On != GateCall.Exec,
            _ => true,
        };
        if (!fits)
        {
            string expected = gate.On switch
            {
                GateCall.Fork => "process or thread",
                GateCall.Exec => "process",
                _ => "process, thread or connection",
            };
            yield return ("binds", $"there is no {RuleWords.Of(gate.Binds)} to bind at {call}; {expected} fits");
        }
    }

    /// <summary>
    /// A service matched by TCP or UDP addresses alone is not asked at another port over the same protocol as far as the file knows. Unix sockets are left alone: a server often has both.
    /// </summary>
    private static bool Reachable(ListenAddress listen, Service service)
    {
        if (listen.Protocol == TransportProtocol.Unix || service.Match.Any(selector => selector.Kind != SelectorKind.Listen)) return true;
        bool sameProtocol = false;
        foreach (Selector selector in service.Match)
        {
            if (!ListenAddress.TryParse(selector.Value, out ListenAddress matched) || matched.Protocol != listen.Protocol) continue;
            sameProtocol = true;
            if (matched.Port == listen.Port && (matched.Address is null || listen.Address is null || matched.Address.Equals(listen.Address))) return true;
        }

        return !sameProtocol;
    }
}
