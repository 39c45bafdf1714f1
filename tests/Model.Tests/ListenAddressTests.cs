using System.Net;


namespace VirtualServices.Model.Tests;

public sealed class ListenAddressTests
{
    [Theory]
    [InlineData("tcp/5432")]
    [InlineData("tcp/127.0.0.1:5432")]
    [InlineData("tcp/[::1]:5432")]
    [InlineData("udp/53")]
    [InlineData("unix//run/x.sock")]
    [InlineData("unix/@abstract")]
    public void What_is_written_is_read_and_written_again(string text)
    {
        Assert.True(ListenAddress.TryParse(text, out ListenAddress address));
        Assert.Equal(text, address.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("5432")]
    [InlineData("tcp/")]
    [InlineData("tcp/0")]
    [InlineData("tcp/65536")]
    [InlineData("tcp/-1")]
    [InlineData("tcp/ 80")]
    [InlineData("tcp/::1:80")]
    [InlineData("sctp/80")]
    [InlineData("unix/relative")]
    public void What_is_no_address_is_refused(string text) => Assert.False(ListenAddress.TryParse(text, out _));

    [Fact]
    public void A_port_alone_matches_every_address()
    {
        Assert.True(ListenAddress.TryParse("tcp/80", out ListenAddress any));
        Assert.True(any.Matches(TransportProtocol.Tcp, Endpoint.Inet(IPAddress.IPv6Loopback, 80)));
        Assert.False(any.Matches(TransportProtocol.Tcp, Endpoint.Inet(IPAddress.IPv6Loopback, 81)));
        Assert.False(any.Matches(TransportProtocol.Udp, Endpoint.Inet(IPAddress.IPv6Loopback, 80)));
    }

    [Fact]
    public void An_ipv4_address_inside_ipv6_equals_the_ipv4_address()
    {
        Assert.True(ListenAddress.TryParse("tcp/127.0.0.1:80", out ListenAddress one));
        Assert.True(one.Matches(TransportProtocol.Tcp, Endpoint.Inet(IPAddress.Parse("::ffff:127.0.0.1"), 80)));
    }
}
