using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Tests;

/// <summary>Short ways to write rule sets.</summary>
internal static class Given
{
    public static RuleSet Rules(IEnumerable<VirtualService> virtualServices, params Gate[] gates) =>
        new([.. virtualServices, Vs(VirtualService.BestEffort)], [new Service("db", [new Selector(SelectorKind.Listen, "tcp/5432")])], gates);

    public static CompiledRules Compile(RuleSet rules, IdTable ids, bool audit = false) => RuleCompiler.Compile(rules, ids, audit, TestContext.Current.CancellationToken);

    public static VirtualService Vs(string name, int priority = 0, string? parent = null) => new(name, parent, priority, new CpuShare(), new NetworkShare(), null, []);

    public static Gate Gate(string id, string classify = "requester", string? listen = null, string[]? requesters = null, GateCall on = GateCall.Receive, BindScope binds = BindScope.Process, GateState state = GateState.Approved)
    {
        ListenAddress? address = null;
        if (listen is not null && ListenAddress.TryParse(listen, out ListenAddress parsed)) address = parsed;
        Classification classification = classify switch
        {
            "requester" => new Classification(ClassificationKind.Requester),
            "creator" => new Classification(ClassificationKind.Creator),
            "keep" => new Classification(ClassificationKind.Keep),
            _ => new Classification(ClassificationKind.Named, classify),
        };
        return new Gate(id, "db", on, new GateCondition(address, requesters), classification, binds, state, null, GateReview.None);
    }
}
