using VirtualServices.Cli.Demo;

namespace VirtualServices.EndToEnd;

/// <summary>The isolation promise as a comparison within one run: the demo's own windows and rounds, held against what the product promises.</summary>
public sealed class IsolationTests
{
    private const double LeastOfTargetRate = 0.95;

    [Fact]
    public async Task A_steady_tenant_is_protected_from_one_that_takes_all_it_can()
    {
        Requirements.SkipUnlessMet();
        string folder = Directory.CreateTempSubdirectory("vs-end-to-end-").FullName;
        try
        {
            // Noise forbids no promise: each figure is the median over the rounds, rates are compared at equal speed of the machine, and a run in which the victim
            // alone misses its rate is no valid one, which is a promise, too.
            DemoReport report = await new DemoRun(new DemoOptions(folder), TextWriter.Null).RunAsync(Site.Cancel);
            Assert.NotEmpty(report.Promises);
            Assert.All(report.Promises, promise => Assert.True(promise.Holds, promise.Text));
            Assert.True(report.Arms[2].Victim.Rate >= LeastOfTargetRate * report.Arms[2].TargetRate, "with virtual services the victim does not reach its rate");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
