using System.Diagnostics;
using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Enforce;
using VirtualServices.Enforce.Network;
using VirtualServices.Linux.Network;
using VirtualServices.Model;
using Governor = VirtualServices.Enforce.Enforcer;

namespace VirtualServices.Bench.Network;

/// <summary>How long it takes to set up many classes, and what cycles of start and stop leave behind.</summary>
internal static class NetworkSetUp
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Starts the enforcer with so many virtual services without a device and with one, in turn.</summary>
    /// <returns>Seconds of the start without, with, and of the classes alone.</returns>
    public static async Task<(double Without, double With, double Classes)[]> ClassesAsync(int classes, int rounds, TextWriter progress, CancellationToken cancel)
    {
        await using SharedLink link = await SharedLink.StartAsync(loopback: false, cancel);
        List<(double, double, double)> all = [];
        for (int i = 0; i < rounds; i++)
        {
            double without = Start(new RuleSet(Tenants(classes), [], []));
            double with = Start(new RuleSet(Tenants(classes), [], []) { Devices = [new GovernedDevice(link.Device, link.Near, SharedLink.UsualRate)] });
            all.Add((without, with, OnDevice(link, classes)));
            await progress.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"round {i + 1} of {rounds}: {all[^1]}"));
        }

        return [.. all];

        double Start(RuleSet rules)
        {
            long begun = Stopwatch.GetTimestamp();
            using Governor enforcer = Governor.Start(rules, new EnforceOptions(), cancel);
            double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            enforcer.Stop();
            return seconds;
        }
    }

    /// <summary>Starts and stops; every fourth enforcer ends as one that is killed does, and the next one takes over.</summary>
    /// <returns>What there was before and after.</returns>
    public static async Task<(KernelCensus Before, KernelCensus After)> CyclesAsync(int cycles, TextWriter progress, CancellationToken cancel)
    {
        const int Classes = 10, KilledEvery = 4;
        await using SharedLink link = await SharedLink.StartAsync(loopback: false, cancel);
        RuleSet rules = new(Tenants(Classes), [], []) { Devices = [new GovernedDevice(link.Device, link.Near, SharedLink.UsualRate), new GovernedDevice("lo", link.Near, SharedLink.UsualRate)] };
        KernelCensus before = KernelCensus.Take(link.Near, link.Device);
        for (int i = 1; i <= cycles; i++)
        {
            using Governor enforcer = Governor.Start(rules, new EnforceOptions(), cancel);
            if (!KernelCensus.Take(link.Near, link.Device).HasMoreOfEach(before)) throw new VsException(ExitCode.Bug, "bench: something of what is counted was not made");
            if (i % KilledEvery != 0) enforcer.Stop();
            if (i % 10 == 0) await progress.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"cycle {i} of {cycles}"));
        }

        EnforcementStop.Run(null);
        KernelCensus after = KernelCensus.Take(link.Near, link.Device);

        // The kernel frees programs and maps some time after the last user is gone.
        await Wait.UntilAsync(() => (after = KernelCensus.Take(link.Near, link.Device)).IsWithin(before), Patience, cancel);
        return (before, after);
    }

    private static double OnDevice(SharedLink link, int classes) => NetworkKernel.Try(program =>
    {
        using GovernedNamespace space = GovernedNamespace.TryOpen(link.Near)!;
        NetworkDevice device = space.Devices().Single(one => one.Name == link.Device);
        (uint, VirtualService)[] numbered = [.. Tenants(classes).Select((one, i) => ((uint)i + 1, one))];
        long begun = Stopwatch.GetTimestamp();
        DeviceShares.Apply(space.Control, device, ClassPlan.Make(numbered, SharedLink.UsualRate), program, present: false);
        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        space.Control.RemoveRoot(device.Index, device.Name, ClassPlan.Discipline);
        return seconds;
    });

    private static VirtualService[] Tenants(int count) =>
        [GateNanoseconds.Tenant(VirtualService.BestEffort, []), .. Enumerable.Range(1, count - 1).Select(i => GateNanoseconds.Tenant(string.Create(CultureInfo.InvariantCulture, $"tenant-{i}"), []))];
}
