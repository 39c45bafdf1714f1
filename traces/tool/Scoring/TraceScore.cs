using VirtualServices.Model;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Scoring;

/// <summary>What the engine says of a trace, against what is known.</summary>
internal sealed record TraceScore
{
    /// <summary>Confidence from which links have to be right.</summary>
    public const double Sure = 0.9;

    /// <summary>Name of the trace.</summary>
    public required string Name { get; init; }

    /// <summary>Outgoing calls whose cause is known.</summary>
    public required int Calls { get; init; }

    /// <summary>Of these: told, and told right.</summary>
    public required (int All, int Right) Told { get; init; }

    /// <summary>Of these: told with a confidence of <see cref="Sure"/> or more.</summary>
    public required (int All, int Right) ToldSurely { get; init; }

    /// <summary>Requests, at every service, whose tenant is known.</summary>
    public required int Requests { get; init; }

    /// <summary>Of these: attributed to a tenant, and to the right one.</summary>
    public required (int All, int Right) Attributed { get; init; }

    /// <summary>Requests that the load made and the engine did not see.</summary>
    public required int Missing { get; init; }

    /// <summary>Services whose CPU time is known.</summary>
    public required IReadOnlyList<CpuScore> Cpu { get; init; }

    /// <summary>Proposed gates that are right, those that are not, and right ones that are not proposed; as words.</summary>
    public required (IReadOnlyList<string> Right, IReadOnlyList<string> Wrong, IReadOnlyList<string> Missing) Gates { get; init; }

    /// <summary>Calls of which nothing is told.</summary>
    public int Abstained => Calls - Told.All;

    /// <summary>Infers and compares.</summary>
    /// <param name="trace">Folder of the trace.</param>
    public static TraceScore Of(string trace)
    {
        IReadOnlyList<TruthLine> truth = TruthFile.Read(trace);
        Hop[] hops = [.. truth.Select(line => line.Hop).OfType<Hop>()];
        using TraceFolder folder = new(trace);
        TurnIndex index = new(folder.Session);
        int missing = index.Mark(hops);

        // Load generators are asked by nobody: their calls have no cause that could be told.
        HashSet<string> asked = hops.Select(hop => hop.Service).ToHashSet(StringComparer.Ordinal);
        Turn[] calls = [.. index.Calls.Where(call => call is { Truth: not null, Service: { } service } && asked.Contains(service))];
        Turn[] told = [.. calls.Where(call => call.Parent is not null)], sure = [.. told.Where(call => call.Confidence >= Sure)];
        Turn[] requests = [.. index.Requests.Where(request => request.Truth is not null)], attributed = [.. requests.Where(request => request.Tenant is not null)];
        string[] proposed = [.. index.Result.Rules.Gates.Select(Words)], right = [.. truth.Select(line => line.Gate).OfType<GateTruth>().Select(gate => $"{gate.Service} {gate.On} {gate.Binds}")];
        return new TraceScore
        {
            Name = Path.GetFileName(trace),
            Calls = calls.Length,
            Told = (told.Length, told.Count(IsRight)),
            ToldSurely = (sure.Length, sure.Count(IsRight)),
            Requests = requests.Length,
            Attributed = (attributed.Length, attributed.Count(request => request.Tenant == request.Truth!.Tenant)),
            Missing = missing,
            Cpu = [.. truth.Select(line => line.Cpu).OfType<CpuTruth>().GroupBy(one => one.Service, StringComparer.Ordinal).Select(group => CpuScore.Of(group.Key, [.. group], index.CpuNsOf(hops.Where(hop => hop.Service == group.Key)), index.Result))],
            Gates = ([.. proposed.Intersect(right)], [.. proposed.Except(right)], [.. right.Except(proposed)]),
        };
    }

    private static bool IsRight(Turn call) => call.Parent!.Truth?.Request == call.Truth!.Request;

    private static string Words(Gate gate) => $"{gate.Service} {gate.On.ToString().ToLowerInvariant()} {gate.Binds.ToString().ToLowerInvariant()}";
}
