using VirtualServices.Traces.Scoring;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Tests;

/// <summary>The figures that the project promises, on recordings of real servers whose truth is known.</summary>
public sealed class TraceTests
{
    private const double LeastSureRight = 0.995, MostAbstained = 0.05, LeastAttributedRight = 0.995, LeastCpuRight = 0.99, MostCpuWrong = 0.01;
    private const long MostBytes = 2 << 20;

    // Fewer would prove nothing: half of what each trace has.
    private static readonly Dictionary<string, (int Calls, int Requests)> Least = new(StringComparer.Ordinal)
    {
        ["postgres"] = (0, 180),
        ["redis"] = (0, 420),
        ["web"] = (480, 480),
        ["pool"] = (180, 360),
        ["dns"] = (360, 0),
        ["hosts"] = (280, 280),
        ["aspnet"] = (360, 540),
        ["postgres-sockets"] = (0, 180),
        ["web-sockets"] = (480, 480),
        ["pool-sockets"] = (180, 360),
    };

    // Not met where threads of a pool take pieces of any request: docs/inference.md. Nothing of it may get worse.
    private static readonly Dictionary<(string Trace, string Service), double> LessCpuRight = new()
    {
        [("aspnet", "postgres")] = 0.95,
        [("aspnet", "shop")] = 0.945,
        [("aspnet", "stock")] = 0.92,
    };

    private static readonly Dictionary<string, (double Abstained, double AttributedRight)> OfLinks = new(StringComparer.Ordinal) { ["aspnet"] = (MostAbstained, 0.98) };

    public static TheoryData<string> All => [.. Least.Keys];

    [Fact]
    public void Every_trace_is_tested() => Assert.Equal(Least.Keys.Order(StringComparer.Ordinal), Scores.Names);

    [Theory]
    [MemberData(nameof(All))]
    public void Links_told_surely_are_right(string name)
    {
        TraceScore score = Scores.Of(name);
        Assert.True(score.Calls >= Least[name].Calls, $"the cause of {score.Calls} calls is known");
        Assert.True(score.ToldSurely.Right >= LeastSureRight * score.ToldSurely.All, $"{score.ToldSurely.Right} of {score.ToldSurely.All} are right");
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_engine_seldom_abstains(string name)
    {
        TraceScore score = Scores.Of(name);
        Assert.True(score.Abstained <= OfLinks.GetValueOrDefault(name, (MostAbstained, LeastAttributedRight)).Item1 * score.Calls, $"{score.Abstained} of {score.Calls} calls have no link");
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Requests_are_attributed_to_their_tenants(string name)
    {
        TraceScore score = Scores.Of(name);
        Assert.True(score.Requests >= Least[name].Requests, $"the tenant of {score.Requests} requests is known");
        Assert.True(score.Attributed.Right >= OfLinks.GetValueOrDefault(name, (MostAbstained, LeastAttributedRight)).Item2 * score.Attributed.All, $"{score.Attributed.Right} of {score.Attributed.All} are right");
        Assert.True(score.Requests - score.Attributed.All <= MostAbstained * score.Requests, $"{score.Attributed.All} of {score.Requests} are attributed");
        Assert.Equal(0, score.Missing);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Cpu_time_is_attributed_to_the_tenants_that_caused_it(string name) =>
        Assert.All(Scores.Of(name).Cpu, cpu =>
        {
            double right = LessCpuRight.GetValueOrDefault((name, cpu.Service), LeastCpuRight);
            Assert.True(cpu.Right >= right && cpu.Wrong <= MostCpuWrong, $"{cpu.Right:F4} of {cpu.Service} is right, {cpu.Wrong:F4} is wrong");
        });

    [Theory]
    [MemberData(nameof(All))]
    public void No_wrong_gate_is_proposed_and_no_right_one_is_missing(string name)
    {
        Assert.Empty(Scores.Of(name).Gates.Wrong);
        Assert.Empty(Scores.Of(name).Gates.Missing);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_trace_is_small_and_names_no_machine(string name)
    {
        string[] files = Directory.GetFiles(Path.Combine(Scores.Folder, name), "*", SearchOption.AllDirectories);
        Assert.True(files.Sum(file => new FileInfo(file).Length) < MostBytes);
        Assert.All(files, file => Assert.DoesNotContain("/tmp/", File.ReadAllText(file), StringComparison.Ordinal));
        Assert.All(files.Where(file => Path.GetFileName(file) == "session.json").Select(Discover.Sessions.SessionJson.Read), session =>
        {
            Assert.Contains(session.Host, (string[])["host", "front", "back"]);
            Assert.Matches("^[0-9.]+$", session.Kernel);
            Assert.True(session.EndedCleanly);
            Assert.Equal(0, session.LostEvents());
        });
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("{\"hop\":{\"request\":\"tenant-a-0-1\"}}")]
    [InlineData("{\"hop\":{\"request\":\"r\",\"tenant\":\"t\",\"service\":\"s\",\"utcNs\":1}}")]
    [InlineData("{\"hop\":{\"request\":\"r\",\"tenant\":\"t\",\"service\":\"s\",\"utcNs\":1,\"pid\":1,\"more\":1}}")]
    [InlineData("{\"cpu\":{\"service\":\"s\",\"tenant\":null,\"ns\":1}}")]
    [InlineData("{\"gate\":{\"service\":\"s\",\"on\":\"receive\",\"binds\":\"process\"},\"cpu\":{\"service\":\"s\",\"tenant\":\"t\",\"ns\":1}}")]
    [InlineData("{\"gate\":{\"service\":\"s\"")]
    public void A_broken_line_of_truth_is_refused_with_its_place(string line) =>
        Assert.Contains("truth.jsonl:7", Assert.Throws<Model.VsException>(() => TruthFile.Parse(line, "truth.jsonl:7")).Message, StringComparison.Ordinal);
}
