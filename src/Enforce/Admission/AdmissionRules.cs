using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Admission;

/// <summary>What of a rule set is enforced by admission: gates that bind a request or a connection.</summary>
/// <param name="Services">Services with such gates.</param>
/// <param name="Entries">Rules, found as <see cref="CompiledRules.Find"/> finds them.</param>
internal sealed record AdmissionRules(IReadOnlyList<AdmittedService> Services, IReadOnlyDictionary<RuleKey, Rule> Entries)
{
    /// <summary>Nothing.</summary>
    public static readonly AdmissionRules None = new([], new Dictionary<RuleKey, Rule>());

    /// <summary>True for a scope that admission enforces.</summary>
    public static bool Covers(BindScope scope) => scope is BindScope.Request or BindScope.Connection;

    /// <summary>Virtual service that a request is charged to; null where no gate says anything.</summary>
    public uint? Target(AdmittedService service, uint requester) => Find(service, requester) is { } rule ? CompiledRules.Choose(rule, requester) : null;

    /// <summary>Number of the gate that says so; 0 where none does.</summary>
    public uint GateOf(AdmittedService service, uint requester) => Find(service, requester)?.Gate ?? 0;

    private Rule? Find(AdmittedService service, uint requester)
    {
        RuleKey key = new(0, service.Id, RuleCompiler.ReceiveCall, service.Endpoint, requester);
        return Entries.TryGetValue(key, out Rule rule) || Entries.TryGetValue(key with { Requester = IdTable.None }, out rule) ? rule : null;
    }
}

/// <summary>A service whose requests are admitted.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Service">Its name and processes.</param>
/// <param name="Endpoint">Number of the address that its gates name; 0 for every address.</param>
/// <param name="Listen">That address.</param>
/// <param name="Patterns">What the gates' evidence says of its execution model.</param>
internal sealed record AdmittedService(uint Id, Service Service, uint Endpoint, ListenAddress? Listen, IReadOnlyList<string> Patterns);
