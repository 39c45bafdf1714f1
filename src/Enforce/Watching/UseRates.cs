using VirtualServices.Model;

namespace VirtualServices.Enforce.Watching;

/// <summary>What was used during an interval, per second of it.</summary>
/// <param name="Cpus">CPUs: 1.0 is one processor all the time.</param>
/// <param name="Waiting">Threads that were ready and waited for a processor, on average.</param>
/// <param name="Requests">Requests a second.</param>
/// <param name="UnknownRequests">Of these: requester not known.</param>
public readonly record struct UseRate(double Cpus, double Waiting, double Requests, double UnknownRequests);

/// <summary>A virtual service during an interval.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parent">Its parent's, empty for the topmost.</param>
/// <param name="Entitled">CPUs that it, with all below it, may use by the weights of those that are active; 0 where nothing in it is.</param>
/// <param name="Own">What it used itself.</param>
/// <param name="Total">With all below it.</param>
/// <param name="Now">Its counts at the end, with all below it.</param>
/// <param name="Services">The same per service, without children.</param>
public sealed record VirtualServiceRate(string Name, string Parent, double Entitled, UseRate Own, UseRate Total, UseCounts Now, IReadOnlyList<ServiceRate> Services);

/// <summary>A virtual service in one service during an interval.</summary>
/// <param name="Service">Name of the service; empty for front doors.</param>
/// <param name="Rate">What it used.</param>
/// <param name="Now">Its counts at the end.</param>
public sealed record ServiceRate(string Service, UseRate Rate, UseCounts Now);

/// <summary>The difference of two statuses. Pure.</summary>
public static class UseRates
{
    /// <summary>Below this many CPUs nobody counts as active: the time that an idle server's timers take would else halve everybody's entitlement.</summary>
    public const double ActiveCpus = 0.002;

    /// <summary>Compares.</summary>
    /// <param name="before">Status at the beginning.</param>
    /// <param name="after">Status at the end.</param>
    /// <param name="seconds">Length of the interval.</param>
    /// <param name="cpus">CPUs of the machine.</param>
    public static IReadOnlyList<VirtualServiceRate> Between(EnforcementStatus before, EnforcementStatus after, double seconds, int cpus)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);

        // Another enforcement began in between: its counts begin at nothing.
        if (before.Since != after.Since) before = EnforcementStatus.Nothing;
        Dictionary<string, VirtualServiceUse> old = before.VirtualServices.ToDictionary(vs => vs.Name, StringComparer.Ordinal);
        Dictionary<(string, string), UseCounts> oldUse = before.Use.ToDictionary(use => (use.VirtualService, use.Service), use => use.Counts);
        ILookup<string, ServiceUse> use = after.Use.ToLookup(one => one.VirtualService, StringComparer.Ordinal);
        List<VirtualServiceRate> rates = [];
        foreach (VirtualServiceUse vs in after.VirtualServices)
        {
            old.TryGetValue(vs.Name, out VirtualServiceUse? was);
            List<ServiceRate> services = [.. use[vs.Name].Select(one => new ServiceRate(one.Service, Rate(oldUse.GetValueOrDefault((one.VirtualService, one.Service)), one.Counts, seconds), one.Counts))];
            rates.Add(new VirtualServiceRate(vs.Name, vs.Parent, 0, Rate(was?.Own ?? default, vs.Own, seconds), Rate(was?.Total ?? default, vs.Total, seconds), vs.Total, services));
        }

        Dictionary<string, VirtualServiceShare?> shares = after.VirtualServices.ToDictionary(vs => vs.Name, vs => vs.Share, StringComparer.Ordinal);
        IReadOnlyDictionary<string, double> entitled = Entitlement.Of(
            [.. rates.Select(rate => new Claim(rate.Name, rate.Parent, (shares[rate.Name]?.Cpu ?? new CpuShare()).Weight, shares[rate.Name]?.Cpu.Max, rate.Own.Cpus >= ActiveCpus || rate.Own.Waiting >= ActiveCpus))],
            cpus);
        return [.. rates.Select(rate => rate with { Entitled = entitled[rate.Name] })];
    }

    // Counts may fall for a moment, while a task hands its open time to the accounts: that is no negative use.
    private static UseRate Rate(UseCounts before, UseCounts after, double seconds)
    {
        if (seconds <= 0) return default;
        return new UseRate(
            Math.Max(0, after.CpuNs - before.CpuNs) / 1e9 / seconds,
            Math.Max(0, after.WaitNs - before.WaitNs) / 1e9 / seconds,
            Math.Max(0, after.Requests - before.Requests) / seconds,
            Math.Max(0, after.UnknownRequests - before.UnknownRequests) / seconds);
    }
}
