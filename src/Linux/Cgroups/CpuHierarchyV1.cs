using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Linux.Cgroups;

/// <summary>The <c>cpu</c> controller as a hierarchy of its own (cgroup v1).</summary>
/// <param name="mountPoint">Where the hierarchy is mounted, or a folder that looks like it.</param>
public sealed class CpuHierarchyV1(string mountPoint) : CpuHierarchy(mountPoint)
{
    private const int PeriodMicroseconds = 100_000;

    /// <inheritdoc/>
    public override string Name => "cgroup v1 cpu";

    /// <inheritdoc/>
    public override int Version => 1;

    /// <inheritdoc/>
    public override string ThreadsFile => "tasks";

    /// <inheritdoc/>
    public override IReadOnlyList<string> ShareFiles => ["cpu.shares", "cpu.cfs_quota_us"]; // the period is the same for all

    /// <inheritdoc/>
    public override void SetShare(string group, CpuShare share)
    {
        ArgumentNullException.ThrowIfNull(share);
        SetWeight(group, share.Weight);
        Set(group, "cpu.cfs_period_us", PeriodMicroseconds.ToString(CultureInfo.InvariantCulture));
        long quota = share.Max is { } max ? Math.Max(1000, (long)(max * PeriodMicroseconds)) : -1;
        Set(group, "cpu.cfs_quota_us", quota.ToString(CultureInfo.InvariantCulture));
    }

    /// <inheritdoc/>
    public override (string File, string Text) WeightSetting(int weight)
    {
        // 1024 is the default as 100 is in v2; the kernel takes 2..262144.
        int shares = Math.Clamp((int)(weight * 1024L / 100), 2, 262_144);
        return ("cpu.shares", shares.ToString(CultureInfo.InvariantCulture));
    }

    private protected override string? GroupIn(string line)
    {
        // "1:cpu,cpuacct:/path"
        string[] parts = line.Split(':', 3);
        return parts.Length == 3 && parts[1].Split(',').Contains("cpu") ? parts[2] : null;
    }
}
