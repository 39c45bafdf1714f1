using VirtualServices.Infer.Proposals;
using VirtualServices.Model;

namespace VirtualServices.Infer;

/// <summary>What sessions show, and what follows from it.</summary>
public sealed class InferenceResult
{
    internal InferenceResult(TenantMap tenants) => Tenants = tenants;

    /// <summary>The proposed rules: virtual services, services and gates, all in state proposed.</summary>
    public required RuleSet Rules { get; init; }

    /// <summary>Recorded services, by name.</summary>
    public required IReadOnlyList<ServiceFinding> Services { get; init; }

    /// <summary>What is not known or not proposed, and why.</summary>
    public required IReadOnlyList<Unknown> Unknowns { get; init; }

    /// <summary>The sessions that were read, by id.</summary>
    public required IReadOnlyList<SessionFinding> Sessions { get; init; }

    /// <summary>One request for each service at which requests enter, with all that was done for it.</summary>
    public required IReadOnlyList<SampleRequest> Samples { get; init; }

    internal TenantMap Tenants { get; }
}

/// <summary>A session that was read.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Events">Events read.</param>
/// <param name="LostEvents">Events lost while it was recorded.</param>
/// <param name="Malformed">Events that cannot be, which were left out.</param>
/// <param name="DurationNs">Length, ns.</param>
/// <param name="Truncated">It was cut: the recording was killed.</param>
public sealed record SessionFinding(string Id, long Events, long LostEvents, long Malformed, long DurationNs, bool Truncated);

/// <summary>What was found of a service.</summary>
public sealed record ServiceFinding
{
    /// <summary>Name of the service as in the rules.</summary>
    public required string Name { get; init; }

    /// <summary>True where others ask it and it is no front end.</summary>
    public required bool Shared { get; init; }

    /// <summary>How it serves connections.</summary>
    public required ExecutionModel Model { get; init; }

    /// <summary>The counts behind that.</summary>
    public required ModelEvidence Evidence { get; init; }

    /// <summary>Addresses at which it listens or was asked.</summary>
    public required IReadOnlyList<string> Listens { get; init; }

    /// <summary>Who asked it.</summary>
    public required IReadOnlyList<Flow> Flows { get; init; }

    /// <summary>CPU time by virtual service, as inferred, ns; in the order of the names.</summary>
    public required IReadOnlyList<CpuPart> Cpu { get; init; }

    /// <summary>CPU time that works for nobody who is known, ns: background work, processes before their first request and between requests, unknown requesters.</summary>
    public required ulong CpuForNobodyNs { get; init; }

    /// <summary>Of that: processes that served no connection.</summary>
    public required ulong BackgroundCpuNs { get; init; }

    /// <summary>Processes that served no connection.</summary>
    public required long BackgroundProcesses { get; init; }

    /// <summary>Bytes received from and sent to clients.</summary>
    public required (long In, long Out) Bytes { get; init; }

    /// <summary>Remarks for the administrator.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

/// <summary>CPU time for a virtual service.</summary>
/// <param name="VirtualService">Its name.</param>
/// <param name="Ns">CPU time, ns.</param>
public sealed record CpuPart(string VirtualService, ulong Ns);

/// <summary>Requests that a service got from one party on behalf of one virtual service.</summary>
/// <param name="Listen">Where it was asked, empty where unknown.</param>
/// <param name="From">The party at the other end of the connection, empty where unknown.</param>
/// <param name="VirtualService">For whom, or null where unknown.</param>
/// <param name="Requests">Number of requests.</param>
/// <param name="Connections">Number of connections.</param>
public sealed record Flow(string Listen, string From, string? VirtualService, long Requests, long Connections);

/// <summary>Something that is not known or not proposed.</summary>
/// <param name="Subject">What it is about: a service, a tenant.</param>
/// <param name="Reason">Why, and where possible what would help.</param>
/// <param name="Count">How many of them, 0 where counting makes no sense.</param>
/// <param name="CpuNs">CPU time concerned, ns.</param>
public sealed record Unknown(string Subject, string Reason, long Count, ulong CpuNs);
