namespace VirtualServices.Model;

/// <summary>What sessions say for and against a gate. Counts of several sessions add up.</summary>
/// <param name="Sessions">Sessions with at least one observation.</param>
/// <param name="Observed">Activities seen at the gate.</param>
/// <param name="Agreed">Of these: the gate's classification equals what was inferred.</param>
/// <param name="Contradicted">Of these: it differs.</param>
/// <param name="Unknown">Of these: nothing could be inferred. Observed = Agreed + Contradicted + Unknown.</param>
/// <param name="LostEvents">Events lost while these sessions were recorded.</param>
/// <param name="Confidence">0..1: lower end of the 95 % Wilson interval of Agreed / (Agreed + Contradicted).</param>
/// <param name="Pattern">The execution model, for instance <c>process-per-connection</c>.</param>
/// <param name="Samples">A few observations that can be looked up in the session again.</param>
/// <param name="CounterExamples">A few observations that contradict.</param>
public sealed record GateEvidence(
    int Sessions,
    long Observed,
    long Agreed,
    long Contradicted,
    long Unknown,
    long LostEvents,
    double Confidence,
    string Pattern,
    IReadOnlyList<EvidenceSample> Samples,
    IReadOnlyList<EvidenceSample> CounterExamples);

/// <summary>One observation, with where to find it.</summary>
/// <param name="Session">Id of the session.</param>
/// <param name="TimeNs">Time of the call, ns of the session's clock.</param>
/// <param name="Pid">Process that made the call.</param>
/// <param name="Connection">Id of the connection.</param>
/// <param name="Requester">Virtual service that asked, or empty where unknown.</param>
/// <param name="What">One sentence.</param>
public sealed record EvidenceSample(string Session, long TimeNs, int Pid, ulong Connection, string Requester, string What);
