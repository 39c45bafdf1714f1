using System.Text.Json;

namespace VirtualServices.Traces.Load;

/// <summary>What one tenant's load generator does.</summary>
/// <param name="Protocol"><c>postgres</c>, <c>redis</c>, <c>http</c> or <c>dns</c>.</param>
/// <param name="Service">Name of the service that it asks.</param>
/// <param name="Address">Where.</param>
/// <param name="Port">Port.</param>
/// <param name="Tenant">Name of the tenant; ids of requests begin with it.</param>
/// <param name="User">Database user.</param>
/// <param name="Connections">Connections, each with a thread of its own.</param>
/// <param name="Early">Of these: made, and used once, before the recording begins.</param>
/// <param name="Requests">Requests of each connection while it is recorded.</param>
/// <param name="PauseMs">Mean pause between an answer and the next request, ms; exponential.</param>
/// <param name="Work">How much is asked for on average: rows, rounds; what a protocol counts.</param>
/// <param name="Fresh">A new connection for each request.</param>
/// <param name="Seed">Of the pauses and the work.</param>
/// <param name="Path">What is asked for by HTTP.</param>
internal sealed record LoadPlan(
    string Protocol,
    string Service,
    string Address,
    int Port,
    string Tenant,
    string User,
    int Connections,
    int Early,
    int Requests,
    double PauseMs,
    int Work,
    bool Fresh,
    int Seed,
    string Path = "/")
{
    /// <summary>As the argument of the generator.</summary>
    public string ToText() => JsonSerializer.Serialize(this);

    /// <summary>Reads the argument.</summary>
    public static LoadPlan Parse(string text) => JsonSerializer.Deserialize<LoadPlan>(text)!;
}
