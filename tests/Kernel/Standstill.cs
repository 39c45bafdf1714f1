using System.Globalization;
using VirtualServices.Linux.Cgroups;

namespace VirtualServices.Kernel.Tests;

/// <summary>Makes a process stand still, and lets it go on.</summary>
internal sealed class Standstill : IDisposable
{
    private const string Freezer = "freezer";
    private const int Continue = 18, Stop = 19;

    private static readonly string? Hierarchy = CgroupMount.Find().FirstOrDefault(mount => mount.Version == 1 && mount.Controllers.Contains(Freezer))?.MountPoint;

    private readonly int _pid;
    private readonly string? _group;

    public Standstill(int pid, string how)
    {
        _pid = pid;
        if (how != Freezer) return;
        _group = $"{Hierarchy}/vs-test-{Environment.ProcessId}";
        Directory.CreateDirectory(_group);
        File.WriteAllText($"{_group}/cgroup.procs", _pid.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>By a signal, and by the freezer of cgroup v1 where there is one. That of v2 freezes a cgroup that the enforcer takes the process out of.</summary>
    public static IEnumerable<string> Means => Hierarchy is null ? ["signal"] : ["signal", Freezer];

    public void Begin()
    {
        if (_group is null) Assert.Equal(0, Tmds.Linux.LibC.kill(_pid, Stop));
        else File.WriteAllText($"{_group}/freezer.state", "FROZEN");
        string[] still = _group is null ? ["T"] : ["D", "S", "R"];
        Wait.Until(() => still.Contains(State()) && (_group is null || File.ReadAllText($"{_group}/freezer.state").Trim() == "FROZEN"), "it stands still");
    }

    public void End()
    {
        if (_group is null) Assert.Equal(0, Tmds.Linux.LibC.kill(_pid, Continue));
        else File.WriteAllText($"{_group}/freezer.state", "THAWED");
    }

    public void Dispose()
    {
        if (_group is null) return;
        End();
        File.WriteAllText($"{Hierarchy}/cgroup.procs", _pid.ToString(CultureInfo.InvariantCulture));
        Directory.Delete(_group);
    }

    private string State() => File.ReadAllText($"/proc/{_pid}/stat").Split(") ")[1][..1];
}
