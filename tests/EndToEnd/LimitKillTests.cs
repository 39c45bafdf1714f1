using System.Diagnostics;
using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Enforce;

namespace VirtualServices.EndToEnd;

/// <summary>The enforcer is killed or halted while processes are stopped at a limit: all of them go on.</summary>
public sealed class LimitKillTests
{
    private const int Shells = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(Child.Kill)]
    [InlineData(Child.Stop)]
    public async Task Whom_a_killed_or_halted_enforcer_stopped_goes_on(int signal)
    {
        Requirements.SkipUnlessMet();
        string rules = Path.Combine(Directory.CreateTempSubdirectory("vs-limit-kill-").FullName, "rules.yaml");
        Process[] shells = [.. Enumerable.Range(0, Shells).Select(_ => Start())];
        string doors = string.Join(", ", shells.Select(shell => string.Create(CultureInfo.InvariantCulture, $"{{ pid: {shell.Id} }}")));
        await File.WriteAllTextAsync(rules, $$"""
            version: 1
            virtualServices:
              - name: shop
                limits: { processes: {{Shells}}, onLimit: block, maxWait: 1h }
                frontDoors: [ {{doors}} ]

            """, Site.Cancel);
        using Child enforcer = VsChild.Start(["enforce", rules]);
        try
        {
            Assert.True(await Wait.UntilAsync(() => enforcer.HasExited || StatusReader.Read() is { Enforcer: EnforcerState.Running, Limits: [{ Used: Shells }] }, Patience, Site.Cancel) && !enforcer.HasExited, $"{enforcer.Errors}{enforcer.Output}");
            foreach (Process shell in shells) await shell.StandardInput.WriteLineAsync("go");
            Assert.True(await Wait.UntilAsync(() => StatusReader.Read().Waits.Count == Shells, Patience, Site.Cancel), "not all wait");
            long at = Stopwatch.GetTimestamp();
            enforcer.Signal(signal);
            TimeSpan[] after = await Task.WhenAll(shells.Select(async shell =>
            {
                Assert.Equal("forked", await shell.StandardOutput.ReadLineAsync(Site.Cancel).AsTask().WaitAsync(Patience, Site.Cancel));
                return Stopwatch.GetElapsedTime(at);
            }));
            TestContext.Current.TestOutputHelper?.WriteLine($"the last one went on {after.Max().TotalMilliseconds:F1} ms after the signal, the median {after.Order().ElementAt(Shells / 2).TotalMilliseconds:F1} ms");
            Assert.All(shells, shell => Assert.NotEqual('T', File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{shell.Id}/stat")).Split(") ")[1][0]));
        }
        finally
        {
            enforcer.Signal(Child.Kill);
            await enforcer.WaitAsync(CancellationToken.None);
            EnforcementStop.Run(null);
            foreach (Process shell in shells)
            {
                shell.Kill(entireProcessTree: true);
                shell.Dispose();
            }

            Directory.Delete(Path.GetDirectoryName(rules)!, recursive: true);
        }
    }

    private static Process Start() => Process.Start(new ProcessStartInfo("sh", ["-c", "read go; sleep 1000 & echo forked; read end; kill $!"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
}
