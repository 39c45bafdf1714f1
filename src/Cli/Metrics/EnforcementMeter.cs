using System.Diagnostics.Metrics;
using VirtualServices.Enforce;

namespace VirtualServices.Cli.Metrics;

/// <summary>The instruments. Names and units: docs/metrics.md; a test compares both.</summary>
internal sealed class EnforcementMeter : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string Name = "VirtualServices";

    private readonly Meter _meter = new(Name);
    private readonly StatusSource _source;

    public EnforcementMeter(StatusSource source)
    {
        _source = source;
        PerService();
        PerVirtualService();
        PerLimit();
        PerGate();
        OfTheEnforcer();
    }

    public void Dispose() => _meter.Dispose();

    private void PerService()
    {
        Sum("vs.cpu.time", "s", "CPU time charged", use => use.CpuNs / 1e9);
        Sum("vs.wait.time", "s", "Time that threads were ready to run while the processor was another's", use => use.WaitNs / 1e9);
        Sum("vs.requests", "{request}", "Requests received", use => use.Requests);
        Sum("vs.requests.unknown", "{request}", "Requests whose requester is not known", use => use.UnknownRequests);
        Sum("vs.rebinds", "{call}", "Calls at which a gate of the service bound the work of another to it", use => use.Rebinds);
        _meter.CreateObservableUpDownCounter("vs.processes", () => Uses(use => use.Processes), "{process}", "Processes that work for it now");
        _meter.CreateObservableUpDownCounter("vs.connections", () => Uses(use => use.Connections), "{connection}", "Open server-side connections that it asked for");

        void Sum(string name, string unit, string description, Func<UseCounts, double> value) => _meter.CreateObservableCounter(name, () => Uses(value), unit, description);
    }

    private void PerVirtualService()
    {
        _meter.CreateObservableGauge("vs.cpu.weight", () => Shares(share => share.Cpu.Weight), "1", "CPU weight among siblings");
        _meter.CreateObservableGauge("vs.cpu.max", () => Shares(share => share.Cpu.Max), "{cpu}", "Most CPUs that it may use; absent where nothing is set");
    }

    private void PerLimit()
    {
        // Of processes there are some that work for it without counting: vs.processes has them all, by service.
        foreach ((string what, string used, string unit) in (ReadOnlySpan<(string, string, string)>)[(LimitUse.OfProcesses, "vs.processes.counted", "{process}"), (LimitUse.OfSockets, "vs.sockets", "{socket}")])
        {
            _meter.CreateObservableUpDownCounter(used, () => Limits(what, limit => limit.Used), unit, $"Number of {what} that count for a limit now");
            _meter.CreateObservableGauge($"vs.{what}.limit", () => Limits(what, limit => limit.Limit), unit, $"Most {what} at a time");
            _meter.CreateObservableCounter($"vs.{what}.limited", () => Limits(what, limit => limit.Hits), "{call}", "Calls that met the limit");
        }

        IEnumerable<Measurement<long>> Limits(string what, Func<LimitUse, long> value) =>
            _source.Get().Limits.Where(limit => limit.What == what).Select(limit => new Measurement<long>(value(limit), new KeyValuePair<string, object?>("vs", limit.VirtualService)));
    }

    private void PerGate()
    {
        Sum("vs.gate.calls", "{call}", "Calls that passed the gate", gate => gate.Hits);
        Sum("vs.gate.rebinds", "{call}", "Of these: the virtual service changed", gate => gate.Rebinds);
        Sum("vs.gate.unknown", "{call}", "Of these: the requester was not known", gate => gate.Unknown);

        void Sum(string name, string unit, string description, Func<GateCount, long> value) =>
            _meter.CreateObservableCounter(name, () => _source.Get().Gates.Select(gate => new Measurement<long>(value(gate), new KeyValuePair<string, object?>("gate", gate.Id))), unit, description);
    }

    private void OfTheEnforcer()
    {
        _meter.CreateObservableCounter("vs.enforcer.moves", Moves, "{move}", "Moves of processes between control groups, by result");
        _meter.CreateObservableCounter("vs.enforcer.cpu.time", () => Environment.CpuUsage.TotalTime.TotalSeconds, "s", "CPU time of the enforcer itself");
        _meter.CreateObservableUpDownCounter("vs.enforcer.memory", () => Environment.WorkingSet, "By", "Memory of the enforcer itself (resident set)");
        _meter.CreateObservableGauge("vs.enforcer.generation", () => _source.Get().Generation, "1", "Number of the rule set");
        _meter.CreateObservableGauge("vs.enforcer.audit", () => _source.Get().Audit ? 1 : 0, "1", "1 where nothing is moved");
    }

    private IEnumerable<Measurement<long>> Moves()
    {
        MoverStatus mover = _source.Get().Mover;
        return
        [
            new(mover.Moved, new KeyValuePair<string, object?>("result", "moved")),
            new(mover.Reconciled, new KeyValuePair<string, object?>("result", "reconciled")),
            new(mover.Gone, new KeyValuePair<string, object?>("result", "gone")),
            new(mover.Failed, new KeyValuePair<string, object?>("result", "failed")),
        ];
    }

    private IEnumerable<Measurement<double>> Uses(Func<UseCounts, double> value) => _source.Get().Use.Select(use =>
        new Measurement<double>(value(use.Counts), new KeyValuePair<string, object?>("vs", use.VirtualService), new KeyValuePair<string, object?>("service", use.Service)));

    private IEnumerable<Measurement<double>> Shares(Func<VirtualServiceShare, double?> value)
    {
        foreach (VirtualServiceUse vs in _source.Get().VirtualServices)
            if (vs.Share is { } share && value(share) is { } number)
                yield return new Measurement<double>(number, new KeyValuePair<string, object?>("vs", vs.Name), new KeyValuePair<string, object?>("parent", vs.Parent));
    }
}
