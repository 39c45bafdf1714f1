using VirtualServices.Cli.Demo;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Network;
using VirtualServices.Linux.Network;
using VirtualServices.Model;

namespace VirtualServices.Bench.Network;

/// <summary>
/// Throughput of one tenant of a shared nginx over a veth pair that nothing limits, with classes on the device against none. They are put on and taken off every half second below the same connections
/// (off, on, on, off, ...); the enforcer runs in both.
/// </summary>
internal sealed class NetworkCost(int pairs, TextWriter progress)
{
    // Far above what the processors can send.
    private const long BitsPerSecond = 200_000_000_000;
    private const int Connections = 4;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(0.4), Skip = TimeSpan.FromSeconds(0.1), Settle = TimeSpan.FromSeconds(4);

    /// <summary>Measures.</summary>
    /// <returns>Payload in bits per second without and with classes, one each per pair, and the speed of the machine in each.</returns>
    public async Task<(List<(double Rate, double Speed)> Off, List<(double Rate, double Speed)> On)> MeasureAsync(CancellationToken cancel)
    {
        await using SharedLink link = await SharedLink.StartAsync(loopback: false, cancel);
        await link.WriteRulesAsync(cancel, ("{ weight: 100 }", null));
        using MachineSpeed speed = MachineSpeed.Start();
        await using Enforcer enforcer = await Enforcer.StartAsync(link.Rules, cancel);
        using AskLoad load = link.Ask(0, new Question(false, SharedLink.Big, Connections));
        using GateKernel gates = GateKernel.Open(Pins.Default);
        using NetworkKernel kernel = NetworkKernel.Load(Pins.Default, gates);
        using GovernedNamespace space = GovernedNamespace.TryOpen(link.Near)!;
        NetworkDevice device = space.Devices().Single(one => one.Name == link.Device);
        ClassPlan plan = ClassPlan.Make([Numbered(SharedLink.Tenant(0)), Numbered(VirtualService.BestEffort)], BitsPerSecond);
        await Task.Delay(Settle, cancel);
        Switch(on: false);
        List<(double, double)> on = [], off = [];
        for (int i = 0; i < pairs; i++)
        {
            if (i % 10 == 0) await progress.WriteLineAsync($"pair {i} of {pairs}");
            (i % 2 == 0 ? off : on).Add(await WindowAsync());
            Switch(on: i % 2 == 0);
            (i % 2 == 0 ? on : off).Add(await WindowAsync());
        }

        Switch(on: true);
        await enforcer.StopAsync(cancel);
        await load.StopAsync(cancel);
        return (off, on);

        (uint, VirtualService) Numbered(string name) => (IdTable.Read(gates["names"]).Id(IdKind.VirtualService, name), GateNanoseconds.Tenant(name, []));

        void Switch(bool on)
        {
            if (DeviceShares.Has(device, space.Control.Qdiscs())) space.Control.RemoveRoot(device.Index, device.Name, ClassPlan.Discipline);
            if (on) DeviceShares.Apply(space.Control, device, plan, kernel.Program!, present: false);
        }

        async Task<(double, double)> WindowAsync()
        {
            await Task.Delay(Skip, cancel);
            DateTime from = DateTime.UtcNow;
            long before = load.Bytes;
            await Task.Delay(Window, cancel);
            long bytes = load.Bytes - before;
            DateTime to = DateTime.UtcNow;
            load.ThrowIfEnded();
            return (8 * bytes / (to - from).TotalSeconds, speed.Within(from, to));
        }
    }
}
