using VirtualServices.Cli.Commands;

namespace VirtualServices.Cli.Tests;

public sealed class PacketsOptionTests
{
    [Theory]
    [InlineData("none", 0, "")]
    [InlineData("any", 0, "any")]
    [InlineData("lo,eth0", 64, "lo eth0")]
    [InlineData("near0@shop,near0,lo@/proc/1/ns/net", 0, "near0@shop near0 lo@/proc/1/ns/net")]
    public void Interfaces_are_read(string packets, int payload, string expected) => Assert.Equal(expected, string.Join(' ', PacketsOption.Parse(packets, payload)));

    [Theory]
    [InlineData("", 0, "--packets : expected none, any, or NAME[@NETNS]")]
    [InlineData("lo,", 0, "--packets lo,: expected")]
    [InlineData("lo,none", 0, "--packets lo,none: expected")]
    [InlineData("veth*", 0, "--packets veth*: expected")]
    [InlineData("lo=10mbit", 0, "--packets lo=10mbit: expected")]
    [InlineData("lo,eth0,lo", 0, "--packets lo,eth0,lo: lo stands twice")]
    [InlineData("lo", -1, "--payload -1: expected bytes from 0 to 65535")]
    [InlineData("lo", 65536, "--payload 65536: expected bytes from 0 to 65535")]
    [InlineData("none", 5, "--payload needs packets")]
    public void Wrong_words_are_named(string packets, int payload, string expected)
    {
        VsException error = Assert.Throws<VsException>(() => PacketsOption.Parse(packets, payload));
        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
    }
}
