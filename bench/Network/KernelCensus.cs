using System.Diagnostics;
using System.Runtime.InteropServices;

namespace VirtualServices.Bench.Network;

/// <summary>How many of the things that an enforcement makes in the kernel there are.</summary>
/// <param name="Disciplines">In a namespace, those of the kernel's own left out.</param>
/// <param name="Filters">On a device.</param>
/// <param name="Pins">Files and folders below the mount of the BPF file system.</param>
/// <param name="Groups">Folders of all hierarchies of cgroups.</param>
/// <param name="Mounts">Of this mount namespace.</param>
/// <param name="Programs">BPF programs.</param>
/// <param name="Maps">BPF maps.</param>
/// <param name="Links">BPF attachments.</param>
internal sealed partial record KernelCensus(int Disciplines, int Filters, int Pins, int Groups, int Mounts, int Programs, int Maps, int Links)
{
    /// <summary>Counts.</summary>
    /// <param name="networkNamespace">Whose disciplines.</param>
    /// <param name="device">Whose filters.</param>
    public static KernelCensus Take(string networkNamespace, string device) => new(
        Lines(networkNamespace, "qdisc", "show").Count(line => !line.Contains(" 0: ", StringComparison.Ordinal)),
        Lines(networkNamespace, "filter", "show", "dev", device).Count,
        Entries("/sys/fs/bpf"),
        Folders("/sys/fs/cgroup"),
        File.ReadLines("/proc/self/mounts").Count(),
        Ids(bpf_prog_get_next_id),
        Ids(bpf_map_get_next_id),
        Ids(bpf_link_get_next_id));

    /// <summary>True where there is no more than before of anything: the kernel may have been winding up what somebody else had left.</summary>
    public bool IsWithin(KernelCensus before) =>
        Disciplines <= before.Disciplines && Filters <= before.Filters && Pins <= before.Pins && Groups <= before.Groups && Mounts <= before.Mounts && Programs <= before.Programs && Maps <= before.Maps && Links <= before.Links;

    /// <summary>True where there is more of everything: each can be counted. A mount may have been there before.</summary>
    public bool HasMoreOfEach(KernelCensus before) =>
        Disciplines > before.Disciplines && Filters > before.Filters && Pins > before.Pins && Groups > before.Groups && Programs > before.Programs && Maps > before.Maps && Links > before.Links;

    private static List<string> Lines(string networkNamespace, params string[] words)
    {
        using Process tc = Process.Start(new ProcessStartInfo("tc", ["-n", networkNamespace, .. words]) { RedirectStandardOutput = true })!;
        string output = tc.StandardOutput.ReadToEnd();
        tc.WaitForExit();
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    private static int Entries(string folder) => Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Count();

    private static int Folders(string folder) => Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories).Count();

    private delegate int Next(uint from, out uint next);

    private static int Ids(Next next)
    {
        int count = 0;
        for (uint id = 0; next(id, out id) == 0;) count++;
        return count;
    }

    [LibraryImport("libbpf.so.1")]
    private static partial int bpf_prog_get_next_id(uint from, out uint next);

    [LibraryImport("libbpf.so.1")]
    private static partial int bpf_map_get_next_id(uint from, out uint next);

    [LibraryImport("libbpf.so.1")]
    private static partial int bpf_link_get_next_id(uint from, out uint next);
}
