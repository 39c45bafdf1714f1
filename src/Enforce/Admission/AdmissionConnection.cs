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

    /// <summary>It has a place: its requests are read as they come.</summary>
    Admitted,

    /// <summary>Held again while its last request is in hand, which still takes a place.</summary>
    Leaving,

    /// <summary>The same, but that request takes so long that its place was given to others: it may be waiting for something else.</summary>
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

    /// <summary>A request of it was read and not answered yet; known where turns are slow enough to be told one by one.</summary>
    public bool InService { get; set; }

    /// <summary>Leaving, and bytes came that may be the rest of the request in hand.</summary>
    public bool HasMore { get; set; }

    /// <summary>When it came into its present state.</summary>
    public long SinceNs { get; set; }

    /// <summary>When its last request was read or answered, or it got its place.</summary>
    public long ActiveNs { get; set; }

    /// <summary>Which of its entries in the queue is valid: one that was closed or let go stays there until it is met.</summary>
    public int Ticket { get; set; }
}
