using VirtualServices.Infer;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Scoring;

/// <summary>CPU time of a shared service by tenant: parts of what those of its processes spent that, by the truth, served the load. The rest is attributed to nobody.</summary>
/// <param name="Service">Its name.</param>
/// <param name="Right">Attributed to a tenant, up to what the tenant's part is by the server's own words; 0..1.</param>
/// <param name="Wrong">Attributed to a tenant beyond that; 0..1.</param>
internal sealed record CpuScore(string Service, double Right, double Wrong)
{
    /// <summary>Attributed to no tenant; 0..1.</summary>
    public double Nobodys => 1 - Right - Wrong;

    /// <summary>Compares. The server measures the work alone, the kernel all around it, too: so the server's times say how the whole is divided, and not how much it is.</summary>
    /// <param name="service">Its name.</param>
    /// <param name="truth">What it spent for each tenant, by its own words.</param>
    /// <param name="whole">What the processes spent that the truth names, ns, by the recorded events. That a process serves nobody must be known from the truth: what was inferred would excuse what was missed.</param>
    /// <param name="result">What was inferred.</param>
    public static CpuScore Of(string service, IReadOnlyList<CpuTruth> truth, double whole, InferenceResult result)
    {
        ServiceFinding? finding = result.Services.FirstOrDefault(one => one.Name == service);
        double known = truth.Sum(part => (double)part.Ns);
        if (finding is null || whole == 0) return new CpuScore(service, 0, 0);
        double said = finding.Cpu.Sum(part => (double)part.Ns);
        double right = truth.Sum(part => Math.Min(part.Ns / known * whole, finding.Cpu.FirstOrDefault(one => one.VirtualService == part.Tenant)?.Ns ?? 0));
        return new CpuScore(service, right / whole, (said - right) / whole);
    }
}
