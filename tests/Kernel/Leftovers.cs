using System.Runtime.CompilerServices;

namespace VirtualServices.Kernel.Tests;

/// <summary>What an enforcement must not leave behind.</summary>
internal static class Leftovers
{
    // A host may have it switched on itself.
    private static bool _fastMovesBefore;

    public static void AssertNone()
    {
        Assert.False(Directory.Exists("/sys/fs/bpf/virtual-services"), "pins are left");
        Assert.False(Groups.Exist, "cgroups are left");
        Assert.DoesNotContain(File.ReadLines("/proc/mounts"), line => line.Contains("/run/virtual-services", StringComparison.Ordinal));
        if (!_fastMovesBefore) Assert.False(FastMoves(), "favordynmods is left switched on");
    }

    [ModuleInitializer]
    internal static void Remember() => _fastMovesBefore = FastMoves();

    private static bool FastMoves() => File.ReadLines("/proc/mounts").Any(line => line.Contains("favordynmods", StringComparison.Ordinal));
}
