using System.Globalization;

namespace VirtualServices.Traces.Scoring;

/// <summary>The tables of docs/inference.md.</summary>
internal static class ScoreTable
{
    /// <summary>Writes them.</summary>
    public static void Write(IReadOnlyList<TraceScore> scores, TextWriter output)
    {
        output.WriteLine("| trace | calls | told | right | from 0.9: told | right | abstained | requests | attributed | right | not seen |");
        output.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (TraceScore one in scores)
            output.WriteLine(Say($"| {one.Name} | {one.Calls} | {one.Told.All} | {Part(one.Told)} | {one.ToldSurely.All} | {Part(one.ToldSurely)} | {Part((one.Calls, one.Abstained))} | {one.Requests} | {Part((one.Requests, one.Attributed.All))} | {Part(one.Attributed)} | {one.Missing} |"));
        output.WriteLine();
        output.WriteLine("| trace | CPU time of | attributed right | wrong | to nobody | gates: right | wrong | right ones not proposed |");
        output.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (TraceScore one in scores)
        {
            output.WriteLine(Say($"| {one.Name} | {Join(one.Cpu.Select(cpu => cpu.Service))} | {Join(one.Cpu.Select(cpu => Say($"{cpu.Right:F4}")))} | {Join(one.Cpu.Select(cpu => Say($"{cpu.Wrong:F4}")))} | {Join(one.Cpu.Select(cpu => Say($"{cpu.Nobodys:F4}")))} | {Join(one.Gates.Right)} | {Join(one.Gates.Wrong)} | {Join(one.Gates.Missing)} |"));
        }
    }

    private static string Part((int All, int Right) count) => count.All == 0 ? "-" : Say($"{(double)count.Right / count.All:F4}");

    private static string Join(IEnumerable<string> words) => string.Join(", ", words.DefaultIfEmpty("-"));

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
