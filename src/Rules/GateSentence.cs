using VirtualServices.Model;
using VirtualServices.Rules.Reading;

namespace VirtualServices.Rules;

/// <summary>Gates in words, for people who review them.</summary>
public static class GateSentence
{
    /// <summary>The rule: <c>when postgres receives on tcp/5432, the process works for whoever asked</c>.</summary>
    public static string Of(Gate gate)
    {
        ArgumentNullException.ThrowIfNull(gate);
        string call = gate.On switch
        {
            GateCall.Accept => "accepts a connection",
            GateCall.Receive => "receives",
            GateCall.Send => "sends",
            GateCall.Connect => "connects to another service",
            GateCall.Fork => "makes a process or thread",
            GateCall.Exec => "executes another program",
            _ => "makes a socket",
        };
        string listen = gate.When.Listen is { } address ? $" on {address}" : "";
        string requesters = gate.When.Requesters switch
        {
            null => "",
            { Count: 0 } => " from nobody",
            { } names => $" from {string.Join(" or ", names)}",
        };
        return $"when {gate.Service} {call}{listen}{requesters}, {Scope(gate.Binds)} {Verb(gate.Classify)}";
    }

    /// <summary>What follows from it once it is enforced.</summary>
    public static string EffectOf(Gate gate)
    {
        ArgumentNullException.ThrowIfNull(gate);
        if (gate.Classify.Kind == ClassificationKind.Keep) return "nothing is re-bound; wider gates on the same call do not act where this one matches";
        string whom = gate.Classify.Kind switch
        {
            ClassificationKind.Requester => "the virtual service that asked",
            ClassificationKind.Creator => "the virtual service of its maker",
            _ => $"virtual service '{gate.Classify.VirtualService}'",
        };
        return gate.Binds switch
        {
            BindScope.Process => $"CPU time of all threads of the process is charged to {whom}, until a gate binds the process again",
            BindScope.Thread => $"CPU time of the calling thread is charged to {whom}, until a gate binds the thread again",
            BindScope.Connection => $"the connection's traffic counts for {whom}; no process changes its virtual service",
            _ => $"work on this one request is charged to {whom}, until it is answered",
        };
    }

    private static string Scope(BindScope binds) => binds == BindScope.Thread ? "the calling thread" : $"the {RuleWords.Of(binds)}";

    private static string Verb(Classification classify) => classify.Kind switch
    {
        ClassificationKind.Requester => "works for whoever asked",
        ClassificationKind.Creator => "works for whoever made it",
        ClassificationKind.Keep => "goes on working for whom it works already",
        _ => $"works for {classify.VirtualService}",
    };
}
