using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using VirtualServices.Traces.Scoring;

namespace VirtualServices.Traces.Tests;

/// <summary>Scores of the committed traces; each is worked out once.</summary>
internal static class Scores
{
    private static readonly ConcurrentDictionary<string, Lazy<TraceScore>> Done = new(StringComparer.Ordinal);

    public static string Folder { get; } = Find();

    public static IEnumerable<string> Names => Directory.EnumerateFiles(Folder, "truth.jsonl", SearchOption.AllDirectories).Select(file => Path.GetFileName(Path.GetDirectoryName(file))!).Order(StringComparer.Ordinal);

    public static TraceScore Of(string name) => Done.GetOrAdd(name, _ => new Lazy<TraceScore>(() => TraceScore.Of(Path.Combine(Folder, name)))).Value;

    private static string Find([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../traces"));
}
