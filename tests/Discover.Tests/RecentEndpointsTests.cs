using CsCheck;
using VirtualServices.Discover.Nettrace;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;

namespace VirtualServices.Discover.Tests;

public sealed class RecentEndpointsTests
{
    // Few of each kind, so that many come again; far more places than a cache has, so that some share one.
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.Select(Gen.Byte, Gen.UShort, (host, port) => $"10.0.0.{host}:{port}"),
        Gen.Select(Gen.Byte, Gen.UShort, (host, port) => $"[2001:db8::{host:x}]:{port}"),
        Gen.Select(Gen.Int[0, 9], i => $"/run/{i}.sock"),
        Gen.String[Gen.Char, 0, 12],
        Gen.Const("/run/\ud800.sock"),
        Gen.Const("/run/\ufffd.sock"),
        Gen.Const(""));

    [Fact]
    public void An_address_is_the_same_whether_it_was_read_lately_or_not() =>
        Text.Array[0, 6000].Sample(
            texts =>
            {
                RecentEndpoints recent = new();
                foreach (string text in texts)
                {
                    // What is no character is read as the sign for that, as from a file.
                    string read = System.Text.Encoding.Unicode.GetString(System.Text.Encoding.Unicode.GetBytes(text));
                    Assert.Equal(SessionText.TryParseEndpoint(read, out Endpoint expected), recent.TryParse(text, out Endpoint got));
                    Assert.Equal(expected, got);
                }
            },
            iter: 50);
}
