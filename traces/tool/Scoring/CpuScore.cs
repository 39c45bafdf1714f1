using VirtualServices.Infer;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Scoring;

/// <summary>CPU time of a shared service by tenant: parts of what its processes spent that served somebody. The rest is attributed to nobody.</summary>
/// <param name="Service">Its name.</param>
/// <param name="Right">Attributed to a tenant, up to what the tenant's part is by the server's own words; 0..1.</param>
/// <param name="Wrong">Attributed to a tenant beyond that; 0..1.</param>
internal sealed record CpuScore(string Service, double Right, double Wrong)
{
    /// <summary>Compares. The server measures the work alone, the kernel all around it, too: so the server's times say how the whole is divided, and not how much it is.</summary>
    public static CpuScore Of(string service, IReadOnlyList<CpuTruth> truth, InferenceResult result)
    {
        ServiceFinding? finding = result.Services.FirstOrDefault(one => one.Name == service);
        double known = truth.Sum(part => (double)part.Ns);
        double whole = finding is null ? 0 : finding.Cpu.Sum(part => (double)part.Ns) + finding.CpuForNobodyNs - finding.BackgroundCpuNs;
        if (whole == 0) return new CpuScore(service, 0, 0);
        double said = finding!.Cpu.Sum(part => (double)part.Ns);
        double right = truth.Sum(part => Math.Min(part.Ns / known * whole, finding.Cpu.FirstOrDefault(one => one.VirtualService == part.Tenant)?.Ns ?? 0));
        return new CpuScore(service, right / whole, (said - right) / whole);
    }
}
