namespace VirtualServices.Enforce.Explaining;

/// <summary>How something stands to the rules that are enforced.</summary>
public enum ExplainVerdict
{
    /// <summary>It works for a virtual service of the rules.</summary>
    Governed,

    /// <summary>It is governed, but for whom it works is not known, or nobody asked yet.</summary>
    BestEffort,

    /// <summary>No rule speaks of it.</summary>
    NotGoverned,
}

/// <summary>Why a process works for a virtual service. The first step is the process itself; each further one is the reason for the one before.</summary>
/// <param name="Pid">The process.</param>
/// <param name="Comm">Its name as the kernel has it.</param>
/// <param name="Verdict">How it stands to the rules.</param>
/// <param name="VirtualService">Whom it works for; empty where it is not governed.</param>
/// <param name="Service">Its service; empty where it is none's.</param>
/// <param name="Chain">The reasons.</param>
public sealed record ProcessExplanation(int Pid, string Comm, ExplainVerdict Verdict, string VirtualService, string Service, IReadOnlyList<ExplainStep> Chain);

/// <summary>Kinds of reasons.</summary>
public enum ExplainStepKind
{
    /// <summary>A person assigned it.</summary>
    Assigned,

    /// <summary>A gate re-bound it.</summary>
    Gate,

    /// <summary>It has it from the process that made it.</summary>
    Fork,

    /// <summary>A front door of the virtual service.</summary>
    FrontDoor,

    /// <summary>A process of a service for which no gate has found a requester yet.</summary>
    Service,

    /// <summary>Given back by a person; the enforcer has not looked at it yet.</summary>
    Released,

    /// <summary>No rule speaks of it.</summary>
    NotGoverned,
}

/// <summary>One reason.</summary>
/// <param name="Kind">What kind.</param>
/// <param name="Pid">The process that it is about.</param>
/// <param name="Comm">Its name as the kernel has it, empty where it has ended.</param>
/// <param name="VirtualService">Whom this process works for now.</param>
/// <param name="At">When it was bound, UTC; null where that is not known.</param>
/// <param name="Gate">Id of the gate; empty where none was involved.</param>
/// <param name="Selectors">Selectors of the rule file that choose the process.</param>
/// <param name="Other">The process that the reason comes from: who made it, or who asked; 0 where that is not known any more.</param>
/// <param name="Connection">For a gate: the connection that was asked over, empty where it is closed.</param>
/// <param name="Note">What else must be known to understand it, else empty.</param>
public sealed record ExplainStep(ExplainStepKind Kind, int Pid, string Comm, string VirtualService, DateTimeOffset? At, string Gate, IReadOnlyList<string> Selectors, int Other, string Connection, string Note);

/// <summary>Whom a connection is for.</summary>
/// <param name="Protocol"><c>tcp</c>, <c>udp</c> or <c>unix</c>.</param>
/// <param name="Client">Address of the side that connected; empty where it has none.</param>
/// <param name="Server">Address of the side that accepted.</param>
/// <param name="Verdict">How it stands to the rules.</param>
/// <param name="VirtualService">Who asks over it; empty where that is not known.</param>
/// <param name="Service">Service that is asked; empty where it is no governed one.</param>
/// <param name="Admission">How admission stands to it; null where its requests are not admitted one by one.</param>
/// <param name="ServerProcesses">Processes that hold the accepted side.</param>
/// <param name="ClientProcesses">Processes on this host that hold the other side.</param>
public sealed record ConnectionExplanation(
    string Protocol,
    string Client,
    string Server,
    ExplainVerdict Verdict,
    string VirtualService,
    string Service,
    ConnectionAdmission? Admission,
    IReadOnlyList<ProcessExplanation> ServerProcesses,
    IReadOnlyList<ProcessExplanation> ClientProcesses);

/// <summary>How admission stands to a connection.</summary>
/// <param name="Held">It is held: what arrives is not shown to the service before the share of its virtual service allows.</param>
/// <param name="Waits">How long a request has waited on it to be read; null where none waits.</param>
/// <param name="InHand">A request of it was read and is not answered yet.</param>
/// <param name="AtDoor">The service behind for whose sake it is held at a front door; empty where it is held at the service that is asked.</param>
/// <param name="Use">All connections of the same virtual service at the service; null where nothing is counted yet.</param>
public sealed record ConnectionAdmission(bool Held, TimeSpan? Waits, bool InHand, string AtDoor, AdmissionUse? Use);
