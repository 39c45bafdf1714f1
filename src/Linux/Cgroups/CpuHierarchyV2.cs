using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Linux.Cgroups;

/// <summary>The unified hierarchy (cgroup v2) with its <c>cpu</c> controller. Processes live in groups without children only.</summary>
/// <param name="mountPoint">Where the hierarchy is mounted, or a folder that looks like it.</param>
public sealed class CpuHierarchyV2(string mountPoint) : CpuHierarchy(mountPoint)
{
    private const int PeriodMicroseconds = 100_000;

    /// <inheritdoc/>
    public override string Name => "cgroup v2";

    /// <inheritdoc/>
    public override int Version => 2;

    /// <summary>Single threads move only inside a threaded domain, which our groups are not.</summary>
    public override string? ThreadsFile => null;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ShareFiles => ["cpu.weight", "cpu.max"];

    /// <inheritdoc/>
    public override void SetShare(string group, CpuShare share)
    {
        ArgumentNullException.ThrowIfNull(share);
        SetWeight(group, share.Weight);
        string quota = share.Max is { } max ? Math.Max(1000, (long)(max * PeriodMicroseconds)).ToString(CultureInfo.InvariantCulture) : "max";
        Set(group, "cpu.max", string.Create(CultureInfo.InvariantCulture, $"{quota} {PeriodMicroseconds}"));
    }

    /// <inheritdoc/>
    public override (string File, string Text) WeightSetting(int weight) => ("cpu.weight", weight.ToString(CultureInfo.InvariantCulture));

    private protected override string? GroupIn(string line) => line.StartsWith("0::", StringComparison.Ordinal) ? line[3..] : null;

    // A group has cpu.weight only where its parent hands the controller down.
    private protected override void PrepareParent(string folder)
    {
        string file = Path.Combine(folder, "cgroup.subtree_control");
        if (File.Exists(file) && File.ReadAllText(file).Split([' ', '\n']).Contains("cpu")) return;
        Write(file, "+cpu");
    }
}
