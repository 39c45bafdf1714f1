using CsCheck;

namespace VirtualServices.Model.Tests;

public sealed class HostNameTests
{
    [Theory]
    [InlineData("shop.example", "shop.example")]
    [InlineData("Shop.EXAMPLE.", "shop.example")]
    [InlineData("*.shop.example", "*.shop.example")]
    [InlineData("localhost", "localhost")]
    [InlineData("a_b.example", "a_b.example")]
    [InlineData("bücher.example", "xn--bcher-kva.example")]
    [InlineData("BÜCHER.example", "xn--bcher-kva.example")]
    [InlineData("*.Bücher.example", "*.xn--bcher-kva.example")]
    public void One_name_has_one_spelling(string text, string name)
    {
        Assert.True(HostName.TryParse(text, out HostName parsed));
        Assert.Equal((name, name.StartsWith('*')), (parsed.Text, parsed.IsWildcard));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("*.")]
    [InlineData("*")]
    [InlineData("a.*.example")]
    [InlineData("*shop.example")]
    [InlineData(".example")]
    [InlineData("a..example")]
    [InlineData("a b")]
    [InlineData("a:80")]
    [InlineData("http://a")]
    [InlineData("-a.example")]
    [InlineData("a-.example")]
    [InlineData("[::1]")]
    [InlineData("a\0b")]
    public void What_is_no_name_is_refused(string text) => Assert.False(HostName.TryParse(text, out _));

    [Fact]
    public void A_name_as_long_as_the_kernel_keeps_is_taken_and_no_longer_one()
    {
        string label = new('a', 61), longest = $"{label}.{label}.aa";
        Assert.Equal(HostName.MostCharacters, longest.Length);
        Assert.True(HostName.TryParse(longest, out _));
        Assert.False(HostName.TryParse(longest + "a", out _));
        Assert.False(HostName.TryParse("*." + longest, out _));
        Assert.False(HostName.TryParse($"{new string('a', 64)}.example", out _));
        Assert.False(HostName.TryParse(new string('a', 1_000_000), out _));
    }

    [Fact]
    public void Reading_is_idempotent_whatever_is_read() => Gen.String.Sample(text =>
    {
        if (!HostName.TryParse(text, out HostName once)) return;
        Assert.True(HostName.TryParse(once.Text, out HostName twice));
        Assert.Equal(once, twice);
    });
}
