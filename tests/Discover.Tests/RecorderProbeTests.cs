using VirtualServices.Discover.Recording;
using VirtualServices.Model;

namespace VirtualServices.Discover.Tests;

public sealed class RecorderProbeTests
{
    public static TheoryData<Exception, string, string> Failures => new()
    {
        { new DllNotFoundException("libbpf.so.1"), "the library libbpf", "apt-get install libbpf1" },
        { new VsException(ExitCode.Permission, "the kernel does not take the recorder: no\nlog"), "the kernel does not take the recorder: no", "lockdown" },
        { new VsException(ExitCode.HostLacks, "the recorder cannot tell an eventfd from other files"), "the recorder cannot tell an eventfd from other files", "CONFIG_DEBUG_INFO_BTF" },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Whatever_is_missing_there_is_a_way_to_get_it(Exception error, string missing, string remedy)
    {
        (string Missing, string Remedy) said = RecorderProbe.Explain(error);
        Assert.Equal(missing, said.Missing);
        Assert.Contains(remedy, said.Remedy, StringComparison.Ordinal);
    }
}
