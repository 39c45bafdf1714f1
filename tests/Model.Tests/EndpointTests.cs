using System.Net;
using CsCheck;

namespace VirtualServices.Model.Tests;

public sealed class EndpointTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("255.255.255.255")]
    [InlineData("256.1.1.1")]
    [InlineData("010.0.0.1")]
    [InlineData("1.2.3")]
    [InlineData("1.2.3.4.5")]
    [InlineData("1.2.3.0004")]
    [InlineData("1..3.4")]
    [InlineData("1.2.3.")]
    [InlineData("0x7f.0.0.1")]
    [InlineData("localhost")]
    public void Addresses_are_read_as_the_platform_does(string host) => AsThePlatform(host);

    [Fact]
    public void Any_four_numbers_are_read_as_the_platform_does() =>
        Gen.Select(Gen.Int[0, 300], Gen.Int[0, 300], Gen.Int[0, 300], Gen.Int[0, 300], Gen.Bool).Sample((a, b, c, d, octal) => AsThePlatform($"{a}.{b}.{(octal ? "0" : "")}{c}.{d}"), iter: 2000);

    private static void AsThePlatform(string host)
    {
        bool read = Endpoint.TryParse(host + ":80", out Endpoint endpoint);
        Assert.Equal(IPAddress.TryParse(host, out IPAddress? expected), read);
        if (read) Assert.Equal((expected, 80), (endpoint.Address, endpoint.Port));
    }
}
