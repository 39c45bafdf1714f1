using VirtualServices.Bench.Rows;
using VirtualServices.Cli.Demo;

namespace VirtualServices.EndToEnd;

/// <summary>The isolation promise as a comparison within one run. Looser than the demo's own: the windows are shorter, and other work may run beside.</summary>
public sealed class IsolationTests
{
    private const double LeastOfTargetRate = 0.95;
    private const double MostOfAlone = 5;
    private const double LeastGain = 8;

    // Of both tenants' work, not of the aggressor's: what the aggressor gets under cgroups alone is in part what the victim asked and did not get, on a slow machine a fifth of it.
    private const double LeastConserved = 0.80;
    private const double LeastChargedRight = 0.95;

    [Fact]
    public async Task A_steady_tenant_is_protected_from_one_that_takes_all_it_can()
    {
        Requirements.SkipUnlessMet();
        string folder = Directory.CreateTempSubdirectory("vs-end-to-end-").FullName;
        try
        {
            DemoReport report = await new DemoRun(new DemoOptions(folder, WindowSeconds: 3, Rounds: 3), TextWriter.Null).RunAsync(Site.Cancel);
            ArmResult alone = report.Arms[0];
            ArmResult cgroups = report.Arms[1];
            ArmResult governed = report.Arms[2];
            double conserved = new ThreeArms(alone, cgroups, governed).Conserved;
            string said = $"{string.Join("; ", report.Promises.Select(promise => promise.Text))}; work conserved {conserved}; victim's rate {alone.Victim.Rate}, {cgroups.Victim.Rate}, {governed.Victim.Rate}";
            TestContext.Current.TestOutputHelper?.WriteLine(said);
            Assert.True(alone.Victim.Rate >= LeastOfTargetRate * alone.TargetRate, said);
            Assert.True(governed.Victim.Rate >= LeastOfTargetRate * governed.TargetRate, said);
            Assert.True(governed.P99 <= MostOfAlone * alone.P99, said);
            Assert.True(cgroups.P99 >= LeastGain * governed.P99, said);
            Assert.True(conserved >= LeastConserved, said);
            Assert.True(report.ChargedRight >= LeastChargedRight, said);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
