using VirtualServices.Discover.Recording;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Kernel.Tests;

/// <summary>What older kernels run, which this one can check, too.</summary>
public sealed class OlderKernelTests
{
    [RootTheory]
    [InlineData("syscalls", true)]
    [InlineData("syscalls", false)]
    [InlineData("sockets", true)]
    [InlineData("sockets", false)]
    public void The_recorder_loads_with_casts_and_without(string level, bool casts)
    {
        using BpfObject program = RecorderProgram.Load(level == "sockets" ? RecordLevel.Sockets : RecordLevel.Syscalls, hooks: level == "sockets", ringBytes: 4096, existing: 1, casts);
    }
}
