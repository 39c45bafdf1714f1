using System.Diagnostics;
using System.Globalization;
using VirtualServices.Bench.Network;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Network shares on devices of namespaces that the test makes; the host's own devices are never touched.</summary>
[Collection(Enforcement.Name)]
public sealed class NetworkTests : IDisposable
{
    // HTB counts the link's bytes, a reader gets the payload: 1448 of 1514 with Ethernet, IPv4 and TCP headers with time stamps.
    private const double Payload = 1448.0 / 1514;

    private readonly TestNetwork _network = new();
    private readonly List<Process> _shells = [];

    public void Dispose()
    {
        EnforcementStop.Run(null);
        foreach (Process shell in _shells) TestNetwork.End(shell);
        _network.Dispose();
    }

    [RootTheory]
    [InlineData(1, 1)]
    [InlineData(1, 4)]
    public void Two_tenants_that_send_as_fast_as_they_can_get_their_weights_parts(int one, int other)
    {
        const long Rate = 200_000_000;
        const double Tolerance = 0.03, LeastUsed = 0.95;
        Process a = Shell(), b = Shell();
        using Enforcer enforcer = Start([Up(Rate)], Tenant("a", a, new NetworkShare(one)), Tenant("b", b, new NetworkShare(other)));
        using Sink first = _network.Listen(5001), second = _network.Listen(5002);
        Send(a, 5001);
        Send(b, 5002);
        Thread.Sleep(1000);
        Rates got = Rates.Measure(TimeSpan.FromSeconds(4), first, second);
        double part = got.Bytes[1] / (double)(got.Bytes[0] + got.Bytes[1]), entitled = (double)other / (one + other);
        Assert.InRange(part / entitled, 1 - Tolerance, 1 + Tolerance);
        got.AssertInRange(Rate * Payload, LeastUsed, 1.05, 0, 1);
        EnforcementStatus status = enforcer.Status();
        DeviceUse device = Assert.Single(status.Devices);
        Assert.Equal((TestNetwork.Device, _network.Near, Rate, ""), (device.Device, device.NetworkNamespace, device.BitsPerSecond, device.Refusal));
        Assert.All(["a", "b"], name => Assert.True(device.Shares.Single(share => share.VirtualService == name).Bytes > 1_000_000));
        Assert.All(["a", "b"], name => Assert.True(status.Network.Single(total => total.VirtualService == name).Bytes > 1_000_000));
        enforcer.Stop();
        Assert.DoesNotContain("htb", _network.Disciplines, StringComparison.Ordinal);
        Leftovers.AssertNone();
    }

    [RootFact]
    public void Children_share_what_their_parent_has_and_a_maximum_holds()
    {
        const double Tolerance = 0.05;
        Process a = Shell(), b = Shell(), c = Shell();
        using Enforcer enforcer = Start(
            [Up(200_000_000)],
            new VirtualService("parent", null, 0, new CpuShare(), new NetworkShare(100, null, 80_000_000), null, []),
            Tenant("a", a, new NetworkShare(), "parent"),
            Tenant("b", b, new NetworkShare(300), "parent"),
            Tenant("c", c, new NetworkShare()));
        using Sink first = _network.Listen(5001), second = _network.Listen(5002), third = _network.Listen(5003);
        Send(a, 5001);
        Send(b, 5002);
        Send(c, 5003);
        Thread.Sleep(1000);
        Rates got = Rates.Measure(TimeSpan.FromSeconds(3), first, second, third);
        got.AssertInRange(80e6 * Payload, 1 - Tolerance, 1.02, 0, 1);
        // c borrows what the parent's children leave, so only the link bounds it.
        got.AssertInRange(120e6 * Payload, 1 - Tolerance, 200.0 / 120, 2);
        got.AssertInRange(200e6 * Payload, 1 - Tolerance, 1.02, 0, 1, 2);
        Assert.InRange(got.Bytes[1] / (double)got.Bytes[0], 3 * (1 - 2 * Tolerance), 3 * (1 + 2 * Tolerance));
    }

    [RootFact]
    public void What_a_tenant_leaves_goes_to_the_other_and_best_effort_keeps_its_own()
    {
        const double Tolerance = 0.05;
        const long Begun = 2_000_000; // bytes; a class saves up to 2 ms of its device and a packet
        Process a = Shell(), b = Shell(), stranger = Shell();
        using Enforcer enforcer = Start([Up(200_000_000)], Tenant("a", a, new NetworkShare(300)), Tenant("b", b, new NetworkShare()));
        using Sink first = _network.Listen(5001), second = _network.Listen(5002);
        Send(b, 5001);
        Send(stranger, 5002);
        Wait.Until(() => first.Bytes > Begun && second.Bytes > Begun, "both send, and what their classes had saved is gone");
        Rates got = Rates.Measure(TimeSpan.FromSeconds(3), first, second);
        // 300 : 100 : 100, and a sends nothing.
        got.AssertInRange(160e6 * Payload, 1 - Tolerance, 1 + Tolerance, 0);
        got.AssertInRange(40e6 * Payload, 1 - Tolerance, 1 + Tolerance, 1);
    }

    [RootFact]
    public void What_is_assured_to_one_flow_is_kept_beside_64_of_another_with_more_weight()
    {
        const int Flows = 64;
        const double LeastKept = 0.97, LeastUsed = 0.95;
        Process a = Shell(), b = Shell();
        using Enforcer enforcer = Start([Up(200_000_000)], Tenant("a", a, new NetworkShare(10_000)), Tenant("b", b, new NetworkShare(1, 40_000_000)));
        using Sink first = _network.Listen(5001), second = _network.Listen(5002);
        // All connect before one sends: a handshake would wait behind the bulk of the others, and come again after seconds only.
        a.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"for i in $(seq {Flows}); do exec {{f[i]}}<>/dev/tcp/10.99.0.2/5001; done"));
        Wait.Until(() => first.Connections == Flows, "all flows are there");
        a.StandardInput.WriteLine("for one in ${f[@]}; do cat /dev/zero >&$one & done");
        Send(b, 5002);
        Thread.Sleep(1000);
        Rates got = Rates.Measure(TimeSpan.FromSeconds(3), first, second);
        got.AssertInRange(40e6 * Payload, LeastKept, 1.1, 1);
        got.AssertInRange(200e6 * Payload, LeastUsed, 1.05, 0, 1);
    }

    [RootFact]
    public void Starting_and_stopping_again_and_again_leaves_nothing_behind()
    {
        const int Cycles = 6, KilledEvery = 3;
        GovernedDevice[] devices = [Up(100_000_000), new GovernedDevice("lo", _network.Near, 1_000_000_000)];
        Process a = Shell();
        KernelCensus before = KernelCensus.Take(_network.Near, TestNetwork.Device);
        for (int i = 1; i <= Cycles; i++)
        {
            using Enforcer enforcer = Start(devices, Tenant("a", a, new NetworkShare(3)));
            Assert.True(KernelCensus.Take(_network.Near, TestNetwork.Device).HasMoreOfEach(before));
            if (i % KilledEvery != 0) enforcer.Stop();
        }

        EnforcementStop.Run(null);
        Leftovers.AssertNone();
        // The kernel frees programs and maps some time after the last user is gone.
        Wait.Until(() => KernelCensus.Take(_network.Near, TestNetwork.Device).IsWithin(before), "all is gone");
    }

    [RootFact]
    public void A_killed_enforcers_devices_are_taken_over_or_given_back()
    {
        Process a = Shell();
        using (Enforcer first = Start([Up(100_000_000)], Tenant("a", a, new NetworkShare())))
        {
        }

        Assert.Contains("htb 7653: dev near0 root", _network.Disciplines, StringComparison.Ordinal);
        using (Enforcer second = Start([Up(50_000_000), new GovernedDevice("lo", _network.Near, 1_000_000_000)], Tenant("z", a, new NetworkShare(7)), Tenant("y", a, new NetworkShare(), "z")))
        {
            Assert.Equal([50_000_000, 1_000_000_000], second.Status().Devices.OrderBy(device => device.BitsPerSecond).Select(device => device.BitsPerSecond));
            Assert.Equal(["bestEffort", "y", "z"], second.Status().Devices[0].Shares.Select(share => share.VirtualService).Order());
        }

        using (Enforcer third = Start([], Tenant("a", a, new NetworkShare()))) Assert.DoesNotContain("htb", _network.Disciplines, StringComparison.Ordinal);
        using (Enforcer fourth = Start([Up(50_000_000)], Tenant("a", a, new NetworkShare())))
        {
        }

        EnforcementStop.Run(null);
        Assert.DoesNotContain("htb", _network.Disciplines, StringComparison.Ordinal);
        Leftovers.AssertNone();
    }

    [RootFact]
    public void A_discipline_of_somebody_else_refuses_the_start_and_stays()
    {
        TestNetwork.Ip($"netns exec {_network.Near} tc qdisc add dev near0 root handle 5: pfifo limit 77");
        VsException refused = Assert.Throws<VsException>(() => Start([Up(1_000_000)], Tenant("a", Shell(), new NetworkShare())));
        Assert.Contains($"device near0@{_network.Near}: it has the queueing discipline pfifo 5:", refused.Message, StringComparison.Ordinal);
        Assert.Contains("pfifo 5: dev near0 root", _network.Disciplines, StringComparison.Ordinal);
        Leftovers.AssertNone();
    }

    [RootFact]
    public void A_device_without_a_rate_or_with_too_little_refuses_the_start()
    {
        VsException refused = Assert.Throws<VsException>(() => Start(
            [new GovernedDevice("lo", _network.Near), Up(1_000_000)],
            Tenant("a", Shell(), new NetworkShare(100, 2_000_000))));
        Assert.Contains($"device lo@{_network.Near}: the driver does not know its rate", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"device near0@{_network.Near}: its rate of 1000000 bit/s is less than the 2000000 bit/s that the rules assure", refused.Message, StringComparison.Ordinal);
        Leftovers.AssertNone();
    }

    [RootFact]
    public void Devices_that_appear_later_are_governed_or_shown_as_refused()
    {
        using Enforcer enforcer = Start([new GovernedDevice("late*", _network.Near, 5_000_000), new GovernedDevice("lo", "vs-none-*", 1)], Tenant("a", Shell(), new NetworkShare()));
        Assert.Empty(enforcer.Status().Devices);
        TestNetwork.Ip($"-n {_network.Near} link add late0 type veth peer name late1");
        Wait.Until(() => _network.Disciplines.Contains("htb 7653: dev late0", StringComparison.Ordinal) && _network.Disciplines.Contains("htb 7653: dev late1", StringComparison.Ordinal), "both late devices are governed");
        TestNetwork.Ip($"-n {_network.Near} link set late1 name other");
        Wait.Until(() => !_network.Disciplines.Contains("htb 7653: dev other", StringComparison.Ordinal), "a device renamed to what nobody chose is given back");
        TestNetwork.Ip($"-n {_network.Near} link del late0");
        Wait.Until(() => enforcer.Status().Devices.Count == 0, "a device that is gone is forgotten");
    }

    private GovernedDevice Up(long rate) => new(TestNetwork.Device, _network.Near, rate);

    private Process Shell()
    {
        _shells.Add(_network.Shell());
        return _shells[^1];
    }

    private static void Send(Process shell, int port) =>
        shell.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"exec 3>/dev/tcp/10.99.0.2/{port}; cat /dev/zero >&3 &"));

    private static VirtualService Tenant(string name, Process door, NetworkShare share, string? parent = null) =>
        new(name, parent, 0, new CpuShare(), share, null, [new Selector(SelectorKind.Pid, door.Id.ToString(CultureInfo.InvariantCulture))]);

    private static Enforcer Start(IReadOnlyList<GovernedDevice> devices, params VirtualService[] virtualServices) =>
        Enforcer.Start(
            new RuleSet([.. virtualServices.OrderBy(vs => vs.Parent is not null), TestRules.Tenant(VirtualService.BestEffort)], [], []) { Devices = devices },
            new EnforceOptions(),
            TestContext.Current.CancellationToken);
}
