namespace VirtualServices.Traces.Truth;

/// <summary>One line of <c>truth.jsonl</c>: exactly one of the three is there.</summary>
/// <param name="Hop">A request passed a service.</param>
/// <param name="Cpu">CPU time that a shared service spent for a tenant.</param>
/// <param name="Gate">A gate that may be proposed.</param>
internal sealed record TruthLine(Hop? Hop = null, CpuTruth? Cpu = null, GateTruth? Gate = null);

/// <summary>
/// What a service was last asked before an instant, over one connection or in one process that works on one request at a time, belongs to a request of the load.
/// With <paramref name="FromUtcNs"/>: all that it was asked since.
/// </summary>
/// <param name="Request">Id of the request, as the load generator made it.</param>
/// <param name="Tenant">For whom it is.</param>
/// <param name="Service">Who was asked.</param>
/// <param name="UtcNs">An instant between the arrival of the request and that of the next one, ns since 1970.</param>
/// <param name="Local">The service's end of the connection, or null where only the process is known.</param>
/// <param name="Remote">The asker's end of the connection, or null where only the process is known.</param>
/// <param name="Pid">The process that was asked, or null where only the connection is known.</param>
/// <param name="FromUtcNs">Begin of the time in which everything belongs to the request, or null: only the last one does.</param>
internal sealed record Hop(string Request, string Tenant, string Service, long UtcNs, string? Local = null, string? Remote = null, int? Pid = null, long? FromUtcNs = null);

/// <summary>What a server says that it spent.</summary>
/// <param name="Service">The server.</param>
/// <param name="Tenant">For whom.</param>
/// <param name="Ns">Time, ns. Only the tenants' shares are compared: a server measures the work itself, the kernel all around it, too.</param>
internal sealed record CpuTruth(string Service, string Tenant, long Ns);

/// <summary>A gate that is right for a service; any other one that is proposed is wrong.</summary>
/// <param name="Service">The service.</param>
/// <param name="On">The call, as in rule files.</param>
/// <param name="Binds">The scope, as in rule files.</param>
internal sealed record GateTruth(string Service, string On, string Binds);
