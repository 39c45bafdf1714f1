[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace VirtualServices.EndToEnd;

/// <summary>What these tests cannot do without. Root without BPF is no excuse: a kernel with BTF has it, and the tests then fail.</summary>
internal static class Requirements
{
    public static void SkipUnlessMet()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it records and enforces");
        Assert.SkipUnless(File.Exists("/sys/kernel/btf/vmlinux"), "needs a kernel with BTF (CONFIG_DEBUG_INFO_BTF)");
    }
}
