using System.Globalization;
using VirtualServices.Linux.Cgroups;

namespace VirtualServices.Kernel.Tests;

/// <summary>Where processes are in the hierarchy that shares CPU.</summary>
internal static class Groups
{
    private static readonly CpuHierarchy Hierarchy = CgroupMount.WithCpu(CgroupMount.Find())!.Open();

    public static string Of(int pid) => Hierarchy.GroupOf(pid) ?? "gone";

    public static string Leaf(string virtualService) => $"/virtual-services/{virtualService}/_self";

    public static bool Exist => Directory.Exists(Hierarchy.Folder("/virtual-services"));

    /// <summary>Weights and maxima of all groups of ours, a line each.</summary>
    public static string[] Shares() =>
        [.. Hierarchy.Tree("/virtual-services").Order(StringComparer.Ordinal).SelectMany(group => Hierarchy.ShareFiles.Select(file => $"{group}/{file} {File.ReadAllText(Path.Combine(Hierarchy.Folder(group), file)).Trim()}"))];

    public static long RuntimeNs(int pid) => SchedulerCount(pid, 0);

    public static long WaitedNs(int pid) => SchedulerCount(pid, 1);

    private static long SchedulerCount(int pid, int field) => long.Parse(File.ReadAllText($"/proc/{pid}/schedstat").Split(' ')[field], CultureInfo.InvariantCulture);
}
