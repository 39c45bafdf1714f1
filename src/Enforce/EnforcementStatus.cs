namespace VirtualServices.Enforce;

/// <summary>State of the enforcer process.</summary>
public enum EnforcerState
{
    /// <summary>Nothing is enforced.</summary>
    None,

    /// <summary>An enforcer is starting, or taking over.</summary>
    Starting,

    /// <summary>An enforcer runs.</summary>
    Running,

    /// <summary>The enforcer was killed: gates go on classifying, nobody moves new processes.</summary>
    Dead,
}

/// <summary>What is enforced at one moment. All times of processors in ns, exact to the last tick of the scheduler.</summary>
/// <param name="Enforcer">State of the enforcer process.</param>
/// <param name="EnforcerPid">Its process id; 0 where none runs.</param>
/// <param name="Since">When the enforcement began (takeovers do not reset it), UTC.</param>
/// <param name="Heartbeat">When the enforcer last reported, UTC.</param>
/// <param name="Audit">True where nothing is moved.</param>
/// <param name="CpuShares"><c>cgroup v2</c>, <c>cgroup v1 cpu</c>, or <c>none</c> in audit mode.</param>
/// <param name="Generation">Number of the rule set: each start counts one up.</param>
/// <param name="VirtualServices">Sums per virtual service.</param>
/// <param name="Use">Sums per virtual service and service.</param>
/// <param name="Gates">Counts per gate.</param>
/// <param name="Processes">Tagged processes that live.</param>
/// <param name="Ended">Processes that ended or were re-bound: what was charged to each virtual service; the least recent are forgotten first.</param>
/// <param name="Mover">Counts and latencies of the mover.</param>
public sealed record EnforcementStatus(
    EnforcerState Enforcer,
    int EnforcerPid,
    DateTimeOffset? Since,
    DateTimeOffset? Heartbeat,
    bool Audit,
    string CpuShares,
    long Generation,
    IReadOnlyList<VirtualServiceUse> VirtualServices,
    IReadOnlyList<ServiceUse> Use,
    IReadOnlyList<GateCount> Gates,
    IReadOnlyList<ProcessUse> Processes,
    IReadOnlyList<ProcessCharge> Ended,
    MoverStatus Mover)
{
    /// <summary>When the running times of the tasks were read: CLOCK_MONOTONIC, ns; 0 where nothing was read. Reading takes time, so rates need this and not the time of the call.</summary>
    public long TakenNs { get; init; }

    /// <summary>Limits of processes and sockets.</summary>
    public IReadOnlyList<LimitUse> Limits { get; init; } = [];

    /// <summary>Network devices that are governed, or should be.</summary>
    public IReadOnlyList<DeviceUse> Devices { get; init; } = [];

    /// <summary>What was sent over governed devices.</summary>
    public IReadOnlyList<NetworkTotal> Network { get; init; } = [];

    /// <summary>What admission does at services whose gates bind requests.</summary>
    public IReadOnlyList<AdmissionUse> Admission { get; init; } = [];

    /// <summary>Turns by the name that they asked for; null where no rule has one.</summary>
    public NameUse? Names { get; init; }

    /// <summary>Nothing is enforced.</summary>
    public static readonly EnforcementStatus Nothing = new(EnforcerState.None, 0, null, null, false, "none", 0, [], [], [], [], [], new MoverStatus(0, 0, 0, 0, 0, 0, 0, ""));
}

/// <summary>Counts of a gate since it was first loaded.</summary>
/// <param name="Id">Id in the rule file.</param>
/// <param name="Hits">Calls that passed it.</param>
/// <param name="Rebinds">Of these: the virtual service changed.</param>
/// <param name="Unknown">Of these: the requester was not known, so best effort was chosen.</param>
public sealed record GateCount(string Id, long Hits, long Rebinds, long Unknown);

/// <summary>A tagged process.</summary>
/// <param name="Pid">Process id.</param>
/// <param name="Comm">Name as the kernel has it.</param>
/// <param name="Service">Its service; empty for a process of a front door.</param>
/// <param name="VirtualService">Whom it works for now.</param>
/// <param name="Gate">Gate that bound it; empty where a scan or its parent did.</param>
/// <param name="CpuNs">CPU time since it was tagged.</param>
/// <param name="Charged">The same time, by virtual service.</param>
/// <param name="Membership">Who decides for whom it works.</param>
public sealed record ProcessUse(int Pid, string Comm, string Service, string VirtualService, string Gate, long CpuNs, IReadOnlyList<ProcessCharge> Charged, Membership Membership = Membership.ByRules);

/// <summary>CPU time of a process charged to a virtual service.</summary>
/// <param name="Pid">Process id.</param>
/// <param name="Service">Its service.</param>
/// <param name="VirtualService">Who was charged.</param>
/// <param name="CpuNs">CPU time.</param>
public sealed record ProcessCharge(int Pid, string Service, string VirtualService, long CpuNs);

/// <summary>The mover, since the enforcement began.</summary>
/// <param name="Moved">Moves after a re-bind.</param>
/// <param name="Gone">Processes that ended before the move.</param>
/// <param name="Failed">Moves that the kernel refused.</param>
/// <param name="Reconciled">Moves by a reconciliation: at a start, or where a fork overtook a move.</param>
/// <param name="P50Ns">Median of re-bind to moved.</param>
/// <param name="P99Ns">99th percentile.</param>
/// <param name="MaxNs">Longest.</param>
/// <param name="LastError">Words of the last refusal, else empty.</param>
public sealed record MoverStatus(long Moved, long Gone, long Failed, long Reconciled, long P50Ns, long P99Ns, long MaxNs, string LastError);

/// <summary>Turns at shared services since the enforcement began, by the name that they asked for.</summary>
/// <param name="Known">A front door has it.</param>
/// <param name="WithoutRule">No front door has it.</param>
/// <param name="Unseen">It cannot be seen: a request without a Host, a hello without a server name, or either cut off by the end of the first packet.</param>
public sealed record NameUse(long Known, long WithoutRule, long Unseen);
