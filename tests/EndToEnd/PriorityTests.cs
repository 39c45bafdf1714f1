using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Enforce;

namespace VirtualServices.EndToEnd;

/// <summary>Whom the enforcer governs may not keep it from governing.</summary>
public sealed class PriorityTests
{
    [Theory]
    [InlineData(-10, -10)]
    [InlineData(5, 0, "nice", "-n", "5")] // given on purpose
    [InlineData(-10, 0, "sh", "-c", "\"$@\" & wait", "sh")] // the session is not its own
    public async Task The_enforcer_goes_before_others_where_nobody_said_otherwise(int nice, int session, params string[] start)
    {
        Requirements.SkipUnlessMet();
        string rules = Path.GetTempFileName();
        await File.WriteAllTextAsync(rules, "version: 1\nvirtualServices:\n  - { name: one, frontDoors: [ { cgroup: /nobody } ] }\nservices: []\ngates: []\n", Site.Cancel);
        using Child child = Child.Start([.. start, .. VsChild.Command("enforce", rules)]);
        try
        {
            EnforcementStatus? status = null;
            Assert.True(await Wait.UntilAsync(() => child.HasExited || (status = StatusReader.Read()).Enforcer == EnforcerState.Running, TimeSpan.FromSeconds(30), Site.Cancel), child.Errors);
            Assert.False(child.HasExited, child.Errors);
            int enforcer = status!.EnforcerPid;
            Assert.Equal(nice, NiceOf(enforcer));
            string autogroup = $"/proc/{enforcer}/autogroup";
            if (File.Exists(autogroup)) Assert.EndsWith(string.Create(CultureInfo.InvariantCulture, $" nice {session}"), (await File.ReadAllTextAsync(autogroup, Site.Cancel)).TrimEnd(), StringComparison.Ordinal);
        }
        finally
        {
            EnforcementStop.Run(null);
            await child.EndAsync(Child.Terminate, TimeSpan.FromSeconds(10));
            File.Delete(rules);
        }
    }

    /// <summary>Field 19 of the process' stat (proc_pid_stat(5)).</summary>
    private static int NiceOf(int pid)
    {
        string stat = File.ReadAllText($"/proc/{pid}/stat");
        return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19 - 3], CultureInfo.InvariantCulture);
    }
}
