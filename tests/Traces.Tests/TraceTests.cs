using VirtualServices.Traces.Scoring;

namespace VirtualServices.Traces.Tests;

/// <summary>The figures that the project promises, on recordings of real servers whose truth is known.</summary>
public sealed class TraceTests
{
    private const double LeastSureRight = 0.995;
    private const double MostAbstained = 0.05;
    private const double LeastCpuRight = 0.99;
    private const long MostBytes = 2 << 20;

    public static TheoryData<string> All => [.. Directory.EnumerateDirectories(Traces).Select(folder => Path.GetFileName(folder)!).Where(name => name != "tool").Order(StringComparer.Ordinal)];

    private static string Traces { get; } = Folder();

    [Theory]
    [MemberData(nameof(All))]
    public void Surely_told_links_are_right(string name)
    {
        TraceScore score = Scores.Of(name);
        Assert.True(score.ToldSurely.Right >= LeastSureRight * score.ToldSurely.All, $"{score.ToldSurely.Right} of {score.ToldSurely.All} are right");
    }
}
