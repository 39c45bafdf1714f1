using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Scoring;

/// <summary>A request or an outgoing call, as the engine wrote it, with the event that it began with.</summary>
internal sealed class Turn
{
    /// <summary>Name of the service, or null for a process of none.</summary>
    public required string? Service { get; init; }

    /// <summary>Process.</summary>
    public required int Pid { get; init; }

    /// <summary>Its end and the other one; empty where not known.</summary>
    public required (string Local, string Remote) Ends { get; init; }

    /// <summary>When it took effect, ns of the session's clock: a receive when it returned, a send when it was called.</summary>
    public required long TimeNs { get; init; }

    /// <summary>For whom the engine says that it is; requests only.</summary>
    public string? Tenant { get; init; }

    /// <summary>The request that the engine says caused it; calls only.</summary>
    public Turn? Parent { get; init; }

    /// <summary>How sure it says it is.</summary>
    public double Confidence { get; init; }

    /// <summary>What is known of it, or null.</summary>
    public Hop? Truth { get; set; }
}
