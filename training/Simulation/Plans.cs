namespace VirtualServices.Training.Simulation;

/// <summary>How a service works.</summary>
internal enum WorkStyle
{
    /// <summary>A thread takes a request and waits for the answers to its calls.</summary>
    Threads,

    /// <summary>One thread receives, hands over to a worker, which waits for the answers to its calls.</summary>
    HandOff,

    /// <summary>A process takes a request and waits for the answers to its calls.</summary>
    Processes,

    /// <summary>One thread does everything, a piece at a time.</summary>
    EventLoop,

    /// <summary>Any thread of a pool does the next piece of any request.</summary>
    AsyncPool,
}

/// <summary>What all of a scenario is made with.</summary>
/// <param name="Seed">Seed of what happens.</param>
/// <param name="Services">The services; the first one is the front door.</param>
/// <param name="Requests">Requests from outside.</param>
/// <param name="Load">How they come.</param>
/// <param name="Recording">How it is recorded.</param>
internal sealed record Scenario(int Seed, IReadOnlyList<ServicePlan> Services, int Requests, LoadPlan Load, RecordingPlan Recording);

/// <summary>How requests come from outside.</summary>
/// <param name="ApartNs">Mean time between two, ns.</param>
/// <param name="Burst">They come this much faster half of the requests, and slower the others; 1 for a steady rate.</param>
/// <param name="KeepAlive">Clients use their connections again.</param>
internal sealed record LoadPlan(double ApartNs, double Burst, bool KeepAlive);

/// <summary>How a scenario is recorded.</summary>
/// <param name="TickNs">Resolution of the clocks.</param>
/// <param name="ThreadIds">Events tell their threads.</param>
/// <param name="Wakes">Events tell which thread woke which.</param>
/// <param name="Sampled">Share of traces that are recorded.</param>
/// <param name="Lost">Share of events that are lost.</param>
/// <param name="TiesShuffled">Events of equal times are in no order.</param>
internal sealed record RecordingPlan(long TickNs, bool ThreadIds, bool Wakes, double Sampled, double Lost, bool TiesShuffled);

/// <summary>A service.</summary>
internal sealed record ServicePlan
{
    public required string Name { get; init; }

    public required WorkStyle Style { get; init; }

    /// <summary>Threads or processes that work.</summary>
    public required int Workers { get; init; }

    /// <summary>Processors: more that compute at once are slower.</summary>
    public required int Cores { get; init; }

    /// <summary>A request that waits for a worker was received before.</summary>
    public required bool ReceivesEarly { get; init; }

    /// <summary>The latest request is taken first.</summary>
    public required bool LastFirst { get; init; }

    public required IReadOnlyList<EndpointPlan> Endpoints { get; init; }

    /// <summary>Way to it and back, each.</summary>
    public required Delay Network { get; init; }

    /// <summary>Connections to it that each caller keeps; 0 for a new one per call.</summary>
    public required int Pool { get; init; }

    /// <summary>Mean time between stops of the whole service (a collector of garbage), ns; 0 for none.</summary>
    public required double StopEveryNs { get; init; }

    public required Delay Stop { get; init; }

    /// <summary>Calls that it makes for nobody, or null.</summary>
    public BackgroundPlan? Background { get; init; }
}

/// <summary>Work for nobody.</summary>
/// <param name="EveryNs">Mean time between, ns.</param>
/// <param name="Regular">By the clock, not at random.</param>
/// <param name="Call">The call.</param>
internal sealed record BackgroundPlan(double EveryNs, bool Regular, CallPlan Call);

/// <summary>One kind of request.</summary>
/// <param name="Share">How often it is asked for.</param>
/// <param name="Stages">What is done, one after the other.</param>
/// <param name="End">Computing before the reply.</param>
/// <param name="After">A call that is made after the reply, or null.</param>
internal sealed record EndpointPlan(double Share, IReadOnlyList<StagePlan> Stages, Delay End, CallPlan? After);

/// <summary>Computing, then calls of which all answers are awaited.</summary>
/// <param name="Compute">Computing before the first call.</param>
/// <param name="Gap">Between calls that follow each other.</param>
/// <param name="Parallel">All are sent before the first answer is awaited.</param>
/// <param name="Calls">The calls.</param>
/// <param name="Probability">Else the whole stage is left out: the cache has it.</param>
/// <param name="Forgotten">No answer is awaited.</param>
internal sealed record StagePlan(Delay Compute, Delay Gap, bool Parallel, IReadOnlyList<CallPlan> Calls, double Probability, bool Forgotten);

/// <summary>A call.</summary>
/// <param name="Service">Index of the callee.</param>
/// <param name="Endpoint">Which kind of request.</param>
/// <param name="Most">It is made once, up to this many times.</param>
/// <param name="Fails">How often it is answered by an error and tried again.</param>
/// <param name="Backoff">Before it is tried again.</param>
internal sealed record CallPlan(int Service, int Endpoint, int Most, double Fails, Delay Backoff);
