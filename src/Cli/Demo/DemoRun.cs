using System.Globalization;
using VirtualServices.Linux.Files;
using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>What to run.</summary>
/// <param name="Folder">Where to leave session, rules and report; null for a new folder below the temporary one.</param>
/// <param name="WindowSeconds">Length of each measured window.</param>
/// <param name="Rounds">How often each arm has its turn; a figure of an arm is the median over its turns.</param>
internal sealed record DemoOptions(string? Folder = null, int WindowSeconds = 3, int Rounds = 5);

/// <summary>The whole path once, on real servers: record, infer, review, enforce; and what it buys.</summary>
internal sealed class DemoRun(DemoOptions options, TextWriter progress)
{
    private const int FirstSeed = 4;

    /// <summary>Runs it. All that was started is ended, whatever happens.</summary>
    /// <exception cref="VsException">The host lacks something, or a step of the path failed.</exception>
    public async Task<DemoReport> RunAsync(CancellationToken cancel)
    {
        string folder;
        using (PrivateFolder own = MakeFolder(options.Folder))
        {
            folder = own.Path;
            try
            {
                await CheckHostAsync(cancel);
            }
            catch
            {
                own.RemoveIfEmpty();
                throw;
            }
        }

        // Its lock is given back by now: whoever writes rules takes it, too.
        Say("starting PostgreSQL and sizing the query");
        await using Stage stage = await Stage.SetUpAsync(cancel);
        Say(string.Create(CultureInfo.InvariantCulture, $"PostgreSQL is process {stage.Server.Pid} on port {stage.Server.Port}; a query reads {stage.Workload.Rows} rows, about {Workload.WantedTime.TotalMilliseconds} ms alone"));
        await new Rehearsal(stage, progress).RunAsync(folder, cancel);
        return await MeasureAsync(stage, folder, cancel);
    }

    /// <summary>The session, the rules and the report get a folder of their own: what a demo before left is not overwritten, and nobody else can change the rules between review and enforcement.</summary>
    /// <exception cref="VsException">Exit code 2: the folder holds something, or is none. 5: it is a link, or somebody else's.</exception>
    internal static PrivateFolder MakeFolder(string? folder)
    {
        string path = folder is null ? Path.Combine(Path.GetTempPath(), $"virtual-services-demo-{Path.GetRandomFileName()}") : Path.GetFullPath(folder);
        try
        {
            return PrivateFolder.Create(path);
        }
        catch (VsException error)
        {
            throw new VsException(error.ExitCode, $"demo: -o: {error.Message}", error);
        }
    }

    private static async Task CheckHostAsync(CancellationToken cancel)
    {
        if (!Environment.IsPrivilegedProcess) throw new VsException(ExitCode.Permission, "demo: recording and enforcing need root: run it with sudo");
        if (!File.Exists("/sys/kernel/btf/vmlinux"))
            throw new VsException(ExitCode.HostLacks, "demo: this kernel has no BTF (/sys/kernel/btf/vmlinux is missing): boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, such as Debian's own");
        await Enforcer.RequireNoneAsync(cancel);
    }

    private async Task<DemoReport> MeasureAsync(Stage stage, string folder, CancellationToken cancel)
    {
        ArmResult alone = new(ArmResult.Alone, Stage.TargetRate);
        ArmResult cgroups = new(ArmResult.Cgroups, Stage.TargetRate);
        ArmResult virtualServices = new(ArmResult.VirtualServices, Stage.TargetRate);
        ArmResult[] order = [alone, cgroups, virtualServices];
        ChargeAudit audit = new();
        for (int round = 0; round < options.Rounds; round++)
        {
            Slice slice = new(stage, options.WindowSeconds, FirstSeed + round);
            await stage.ResizeAsync(cancel);

            // Each arm is first, second and last in turn, so that none has the better end of a drift.
            for (int turn = 0; turn < order.Length; turn++)
            {
                ArmResult arm = order[(round + turn) % order.Length];
                Say(string.Create(CultureInfo.InvariantCulture, $"round {round + 1} of {options.Rounds}: {arm.Name}, {options.WindowSeconds} s"));
                if (arm == virtualServices) await slice.RunEnforcedAsync(arm, audit, DemoReport.RulesIn(folder), cancel);
                else await slice.RunAsync(arm, withAggressor: arm == cgroups, cancel);
            }
        }

        foreach (string backend in audit.Unexplained) Say(backend);
        return new DemoReport(order, audit.ChargedRight, Promise.Examine(alone, cgroups, virtualServices, audit.ChargedRight), folder);
    }

    private void Say(string text) => progress.WriteLine($"  {text}");
}
