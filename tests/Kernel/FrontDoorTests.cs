using System.Diagnostics;
using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Front ends that start after the enforcer, connect at once and end before anybody could look for them: each connection must be theirs.</summary>
[Collection(Enforcement.Name)]
public sealed class FrontDoorTests : IDisposable
{
    private const int Runs = 20;
    private const string NobodysUser = "65534";

    private readonly EchoServer _server = new($"/tmp/vs-door-{Environment.ProcessId}.sock");
    private readonly string _group = $"/vs-door-{Environment.ProcessId}.service";
    private readonly CpuHierarchy _hierarchy = CgroupMount.WithCpu(CgroupMount.Find())!.Open();

    public void Dispose()
    {
        EnforcementStop.Run(null);
        _server.Dispose();
        _hierarchy.Remove(_group);
        if (File.Exists(UnitFile)) File.Delete(UnitFile);
    }

    [RootTheory]
    [InlineData(SelectorKind.Cgroup)]
    [InlineData(SelectorKind.Unit)]
    [InlineData(SelectorKind.Uid)]
    [InlineData(SelectorKind.Exe)]
    public void The_first_connection_of_a_process_that_starts_later_is_its_tenants(SelectorKind kind)
    {
        // A name of its own for the interpreter: others run perl, too.
        string folder = Directory.CreateTempSubdirectory("vs-exe-").FullName, perl = Path.Combine(folder, "perl");
        File.Copy("/usr/bin/perl", perl);
        string value = kind switch { SelectorKind.Cgroup => _group, SelectorKind.Unit => _group[1..], SelectorKind.Uid => NobodysUser, _ => perl };
        if (kind == SelectorKind.Unit)
        {
            // Enough for the host to know the unit.
            Directory.CreateDirectory(Path.GetDirectoryName(UnitFile)!);
            File.WriteAllText(UnitFile, "[Service]\nExecStart=/bin/true\n");
        }

        using Enforcer enforcer = Start(new Selector(kind, value));
        for (int i = 0; i < Runs; i++)
        {
            // A unit's cgroup has another id after each restart.
            _hierarchy.Create(_group);
            if (kind == SelectorKind.Uid) Run("setpriv", $"--reuid={NobodysUser}", "--clear-groups", "/usr/bin/perl", "-e", Once, Port);
            else if (kind == SelectorKind.Exe) Run(perl, "-e", Once, Port);
            else Run("/bin/sh", "-c", $"echo 0 > {_hierarchy.Folder(_group)}/cgroup.procs; exec /usr/bin/perl -e \"$0\" {Port}", Once);
            _hierarchy.Remove(_group);
        }

        Directory.Delete(folder, recursive: true);
        GateCount gate = Assert.Single(enforcer.Status().Gates);
        Assert.Equal((Runs, 0L), (gate.Rebinds, gate.Unknown));
    }

    [RootFact]
    public void A_process_that_changes_its_user_is_found_when_it_connects()
    {
        using Enforcer enforcer = Start(new Selector(SelectorKind.Uid, NobodysUser));
        for (int i = 0; i < Runs; i++) Run("/usr/bin/perl", "-e", $"$( = $) = {NobodysUser}; $< = $> = {NobodysUser}; {Once}", Port);
        GateCount gate = Assert.Single(enforcer.Status().Gates);
        Assert.Equal((Runs, 0L), (gate.Rebinds, gate.Unknown));
    }

    [RootFact]
    public void A_running_process_that_is_put_into_a_front_door_belongs_to_it_at_once()
    {
        _hierarchy.Create(_group);
        using Enforcer enforcer = Start(new Selector(SelectorKind.Cgroup, _group));
        for (int i = 0; i < Runs; i++) Run("/usr/bin/perl", "-e", $"open(my $f, '>', '{_hierarchy.Folder(_group)}/cgroup.procs'); syswrite($f, '0'); close($f); {Once}", Port);
        GateCount gate = Assert.Single(enforcer.Status().Gates);
        Assert.Equal((Runs, 0L), (gate.Rebinds, gate.Unknown));
    }

    // One request on one connection, then the end.
    private const string Once = """
        use Socket qw(:all); socket(my $s, AF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in($ARGV[0], inet_aton('127.0.0.1'))) or die $!;
        syswrite($s, 'x' x 100); sysread($s, my $answer, 100) == 100 or die;
        """;

    private string UnitFile => $"/run/systemd/transient{_group}";

    private string Port => _server.Port4.ToString(CultureInfo.InvariantCulture);

    private Enforcer Start(Selector door)
    {
        Service echo = new("echo", [new Selector(SelectorKind.Pid, _server.Pid.ToString(CultureInfo.InvariantCulture))]);
        Gate gate = new("echo-receive", "echo", GateCall.Receive, new GateCondition(null, null), new Classification(ClassificationKind.Requester), BindScope.Process, GateState.Approved, null, GateReview.None);
        RuleSet rules = new([TestRules.Tenant("late", door), TestRules.Tenant(VirtualService.BestEffort)], [echo], [gate]);
        return Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
    }

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments))!;
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} exited with {process.ExitCode}");
    }
}
