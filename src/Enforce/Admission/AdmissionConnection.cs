namespace VirtualServices.Enforce.Admission;

/// <summary>What admission has decided about a connection.</summary>
internal enum AdmissionState
{
    /// <summary>Never held, or let go: nobody waits.</summary>
    Free,

    /// <summary>Held, and nothing waits on it.</summary>
    Held,

    /// <summary>Held, and a request waits on it.</summary>
    Waiting,

    /// <summary>Released for one turn or one slice.</summary>
    Admitted,

    /// <summary>Its turn takes long; it does not count any more and is held again when it ends.</summary>
    Parked,
}

/// <summary>A connection at a station.</summary>
internal sealed class AdmissionConnection(ulong id, AdmissionTenant tenant)
{
    /// <summary>Socket cookie.</summary>
    public ulong Id { get; } = id;

    /// <summary>Who asks on it.</summary>
    public AdmissionTenant Tenant { get; } = tenant;

    /// <summary>Present decision; changed through <see cref="AdmissionTenant.Move"/> only, which counts.</summary>
    public AdmissionState State { get; set; }

    /// <summary>Admitted, and its request was read.</summary>
    public bool InService { get; set; }

    /// <summary>When it came into its present state.</summary>
    public long SinceNs { get; set; }

    /// <summary>Which of its entries in the queue is valid: one that was closed or let go stays there until it is met.</summary>
    public int Ticket { get; set; }
}
