namespace VirtualServices.Kernel.Tests;

/// <summary>What an enforcement must not leave behind.</summary>
internal static class Leftovers
{
    public static void AssertNone()
    {
        Assert.False(Directory.Exists("/sys/fs/bpf/virtual-services"), "pins are left");
        Assert.False(Groups.Exist, "cgroups are left");
        Assert.DoesNotContain(File.ReadLines("/proc/mounts"), line => line.Contains("/run/virtual-services", StringComparison.Ordinal));
        Assert.DoesNotContain(File.ReadLines("/proc/mounts"), line => line.Contains("favordynmods", StringComparison.Ordinal));
    }
}
