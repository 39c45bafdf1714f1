using System.Globalization;
using VirtualServices.Discover.Sessions;
using VirtualServices.Infer;
using VirtualServices.Traces.Scoring;

namespace VirtualServices.Traces.Tests;

/// <summary>The report shows one request from process to process, whatever the execution model: a process per connection, event loops, pools of processes, connections and threads, several hosts.</summary>
public sealed class SampleTests
{
    [Theory]
    [InlineData("postgres", "postgres")]
    [InlineData("postgres-sockets", "postgres")]
    [InlineData("redis", "redis")]
    [InlineData("web", "nginx", "php", "postgres")]
    [InlineData("web-sockets", "nginx", "php", "postgres")]
    [InlineData("hosts", "nginx", "php", "postgres")]
    [InlineData("pool", "pgbouncer", "postgres")]
    [InlineData("pool-sockets", "pgbouncer", "postgres")]
    [InlineData("dns", "unbound")]
    [InlineData("aspnet", "shop", "stock", "postgres")]
    public void A_request_is_shown_from_process_to_process(string trace, string entry, params string[] behind)
    {
        InferenceResult result = Infer(trace);
        SampleRequest sample = Assert.Single(result.Samples, sample => sample.Service == entry);
        Assert.NotNull(sample.VirtualService);
        Assert.All(behind.Prepend(entry), service => Assert.Contains(sample.Steps, step => step.Service == service && step.Pid > 0));
        Assert.All(sample.Steps, (step, index) =>
        {
            Assert.True(step.Parent < index && step.SentNs >= 0 && step.FromNs >= step.SentNs && step.UntilNs >= step.FromNs, string.Create(CultureInfo.InvariantCulture, $"step {index}: {step}"));
            Assert.Equal(step.Parent < 0, step.HowKnown.Length == 0);
        });
        using var page = new StringWriter(CultureInfo.InvariantCulture);
        ReportWriter.Write(result, page);
        Assert.Contains($"<h3>A request to {entry}</h3>", page.ToString(), StringComparison.Ordinal);
        Assert.Equal(result.Samples.Sum(one => one.Steps.Count), page.ToString().Split(" span\"").Length - 1);
    }

    private static InferenceResult Infer(string trace)
    {
        using var folder = new TraceFolder(Path.Combine(Scores.Folder, trace));
        using SessionReader session = SessionReader.Open(folder.Session);
        var engine = new InferenceEngine();
        engine.Add(session);
        return engine.Complete();
    }
}
