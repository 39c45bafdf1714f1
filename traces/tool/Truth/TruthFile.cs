using System.Text.Json;
using System.Text.Json.Serialization;
using VirtualServices.Model;

namespace VirtualServices.Traces.Truth;

/// <summary>Reads and writes <c>truth.jsonl</c>.</summary>
internal static class TruthFile
{
    /// <summary>Name of the file, beside the session's.</summary>
    public const string FileName = "truth.jsonl";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.Strict,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>One line.</summary>
    public static string Line(TruthLine line) => JsonSerializer.Serialize(line, Json);

    /// <summary>Reads a line.</summary>
    /// <exception cref="VsException">It is none (exit code 3); <paramref name="where"/> names it.</exception>
    public static TruthLine Parse(string line, string where)
    {
        const string Expected = "expected one of hop, cpu and gate, as traces/README.md describes them";
        try
        {
            TruthLine? read = JsonSerializer.Deserialize<TruthLine>(line, Json);
            int said = read is null ? 0 : (read.Hop is null ? 0 : 1) + (read.Cpu is null ? 0 : 1) + (read.Gate is null ? 0 : 1);
            if (said != 1) throw VsException.BadInput(where, Expected);
            if (read!.Hop is { } hop && (hop.Local is null || hop.Remote is null) && hop.Pid is null) throw VsException.BadInput(where, "expected a hop with local and remote, or with pid");
            return read;
        }
        catch (JsonException error)
        {
            throw VsException.BadInput(where, Expected, error);
        }
    }

    /// <summary>Reads the truth of a trace.</summary>
    /// <exception cref="VsException">A line is broken (exit code 3, with its number).</exception>
    public static IReadOnlyList<TruthLine> Read(string trace)
    {
        string path = Path.Combine(trace, FileName);
        return [.. File.ReadLines(path).Select((line, index) => Parse(line, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{path}:{index + 1}")))];
    }

    /// <summary>Writes it: what was right of gates and CPU time first, then the hops in their order.</summary>
    public static void Write(string trace, IEnumerable<TruthLine> lines) => File.WriteAllLines(
        Path.Combine(trace, FileName),
        lines.OrderBy(line => line.Gate is not null ? 0 : line.Cpu is not null ? 1 : 2).ThenBy(line => line.Hop?.UtcNs).Select(Line));
}
