namespace VirtualServices.Infer;

/// <summary>How a service serves its connections.</summary>
public enum ExecutionModel
{
    /// <summary>The sessions do not show it.</summary>
    Unknown,

    /// <summary>A process is forked for each connection and serves no other.</summary>
    ProcessPerConnection,

    /// <summary>Processes serve several connections, one after another.</summary>
    PreFork,

    /// <summary>Each connection has a thread of its own.</summary>
    ThreadPerConnection,

    /// <summary>A thread goes back and forth between connections.</summary>
    EventLoop,
}

/// <summary>What was counted for and against execution models. Counts of sessions add up.</summary>
public sealed record ModelEvidence
{
    /// <summary>Server-side connections on which bytes passed.</summary>
    public long Connections { get; init; }

    /// <summary>Of these: served by one process only, which the accepting process forked after the accept; at level sockets, which a listening process forked after the connection came.</summary>
    public long ForkedForIt { get; init; }

    /// <summary>Of these: older than the session, served by one process only, whose parent listens and which does not listen itself.</summary>
    public long HeldByOwnProcess { get; init; }

    /// <summary>Of these: served by the process that accepted.</summary>
    public long ServedByAcceptor { get; init; }

    /// <summary>Of these: served by several processes.</summary>
    public long SharedByProcesses { get; init; }

    /// <summary>Of these: how the serving process came by the connection was not seen.</summary>
    public long HandoverUnseen { get; init; }

    /// <summary>Processes that served a connection.</summary>
    public long Processes { get; init; }

    /// <summary>Of these: one connection only.</summary>
    public long OneConnection { get; init; }

    /// <summary>Of these: several connections, never two open at once.</summary>
    public long Sequential { get; init; }

    /// <summary>Of these: two or more open at once.</summary>
    public long Concurrent { get; init; }

    /// <summary>Connections served by one thread that served no other.</summary>
    public long OwnThread { get; init; }

    /// <summary>Connections served by a thread that went back and forth between connections.</summary>
    public long InterleavedThread { get; init; }

    /// <summary>Connections served by several threads.</summary>
    public long SeveralThreads { get; init; }

    /// <summary>Connections that speak for a process per connection.</summary>
    public long ForProcessPerConnection => ForkedForIt + HeldByOwnProcess;

    /// <summary>Connections and processes that speak against a process per connection.</summary>
    public long AgainstProcessPerConnection => ServedByAcceptor + SharedByProcesses + Sequential + Concurrent;

    /// <summary>Adds the counts of another session.</summary>
    public static ModelEvidence operator +(ModelEvidence left, ModelEvidence right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        return new ModelEvidence
        {
            Connections = left.Connections + right.Connections,
            ForkedForIt = left.ForkedForIt + right.ForkedForIt,
            HeldByOwnProcess = left.HeldByOwnProcess + right.HeldByOwnProcess,
            ServedByAcceptor = left.ServedByAcceptor + right.ServedByAcceptor,
            SharedByProcesses = left.SharedByProcesses + right.SharedByProcesses,
            HandoverUnseen = left.HandoverUnseen + right.HandoverUnseen,
            Processes = left.Processes + right.Processes,
            OneConnection = left.OneConnection + right.OneConnection,
            Sequential = left.Sequential + right.Sequential,
            Concurrent = left.Concurrent + right.Concurrent,
            OwnThread = left.OwnThread + right.OwnThread,
            InterleavedThread = left.InterleavedThread + right.InterleavedThread,
            SeveralThreads = left.SeveralThreads + right.SeveralThreads,
        };
    }

    /// <summary>Adds the counts of another session.</summary>
    public static ModelEvidence Add(ModelEvidence left, ModelEvidence right) => left + right;

    /// <summary>The model that the counts show.</summary>
    /// <remarks>One counter-example in a hundred is allowed, because a lost exit makes a process that ended and the next one with its pid look like one.</remarks>
    public ExecutionModel Classify()
    {
        const int AllowedPerHundred = 1;
        if (Connections == 0) return ExecutionModel.Unknown;
        long against = AgainstProcessPerConnection;
        if (ForProcessPerConnection > 0 && against * 100 <= (ForProcessPerConnection + against) * AllowedPerHundred) return ExecutionModel.ProcessPerConnection;
        if (ForProcessPerConnection > 0) return ExecutionModel.Unknown; // both ways: say so instead of choosing
        if (InterleavedThread > 0) return SeveralThreads == 0 ? ExecutionModel.EventLoop : ExecutionModel.Unknown;
        if (Concurrent > 0 && OwnThread == Connections) return ExecutionModel.ThreadPerConnection;
        return Sequential > 0 && Concurrent == 0 && SharedByProcesses == 0 ? ExecutionModel.PreFork : ExecutionModel.Unknown;
    }

    /// <summary>The word for a model in rule files and reports: <c>process-per-connection</c>.</summary>
    public static string NameOf(ExecutionModel model) => model switch
    {
        ExecutionModel.ProcessPerConnection => "process-per-connection",
        ExecutionModel.PreFork => "pre-fork",
        ExecutionModel.ThreadPerConnection => "thread-per-connection",
        ExecutionModel.EventLoop => "event-loop",
        _ => "unknown",
    };
}
