namespace VirtualServices.Enforce;

/// <summary>What was used since the enforcement began, and what is there now. Additive: a parent's total is its own plus its children's.</summary>
/// <param name="CpuNs">CPU time charged, ns.</param>
/// <param name="Processes">Processes that work for it now.</param>
/// <param name="Connections">Server-side connections of governed services that it asked for and that are open now.</param>
/// <param name="WaitNs">Time that its threads were ready to run while the processor was another's, ns; of the thread, so ten waiting threads count ten times.</param>
/// <param name="Requests">Requests: the first receive of a turn on a server-side connection.</param>
/// <param name="UnknownRequests">Of these: the requester was not known.</param>
/// <param name="Rebinds">How often a gate of the service bound work of somebody else to it.</param>
public readonly record struct UseCounts(long CpuNs, int Processes, int Connections, long WaitNs = 0, long Requests = 0, long UnknownRequests = 0, long Rebinds = 0)
{
    /// <summary>Adds.</summary>
    public static UseCounts operator +(UseCounts a, UseCounts b) => new(
        a.CpuNs + b.CpuNs,
        a.Processes + b.Processes,
        a.Connections + b.Connections,
        a.WaitNs + b.WaitNs,
        a.Requests + b.Requests,
        a.UnknownRequests + b.UnknownRequests,
        a.Rebinds + b.Rebinds);

    /// <summary>Adds.</summary>
    public static UseCounts Add(UseCounts a, UseCounts b) => a + b;
}
