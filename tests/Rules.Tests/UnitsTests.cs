namespace VirtualServices.Rules.Tests;

public sealed class UnitsTests
{
    [Theory]
    [InlineData("1bit", 1)]
    [InlineData("300mbit", 300_000_000)]
    [InlineData("1.5gbit", 1_500_000_000)]
    [InlineData("0.001kbit", 1)]
    public void Rates_are_read(string text, long bits)
    {
        Assert.True(Units.TryParseRate(text, out long value));
        Assert.Equal(bits, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("mbit")]
    [InlineData("1")]
    [InlineData("-1mbit")]
    [InlineData("+1mbit")]
    [InlineData("1e3mbit")]
    [InlineData("1,5mbit")]
    [InlineData("1Mbit")]
    [InlineData(" 1mbit")]
    [InlineData("1mbit ")]
    [InlineData("0mbit")]
    [InlineData("0.1bit")]
    [InlineData("99999999999999999999999999999999tbit")]
    public void What_is_no_rate_is_refused(string text) => Assert.False(Units.TryParseRate(text, out _));

    [Fact]
    public void Sizes_and_times_have_their_units()
    {
        Assert.True(Units.TryParseSize("4mib", out long bytes));
        Assert.Equal(4 * 1024 * 1024, bytes);
        Assert.True(Units.TryParseSize("4mb", out bytes));
        Assert.Equal(4_000_000, bytes);
        Assert.True(Units.TryParseDuration("5ms", out TimeSpan time));
        Assert.Equal(TimeSpan.FromMilliseconds(5), time);
        Assert.True(Units.TryParseDuration("1.5h", out time));
        Assert.Equal(TimeSpan.FromMinutes(90), time);
        Assert.False(Units.TryParseDuration("5", out _));
    }

    [Theory]
    [InlineData(1_000_000, "1mbit")]
    [InlineData(1_500_000, "1500kbit")]
    [InlineData(1_000_001, "1000001bit")]
    public void Rates_are_written_exactly(long bits, string text) => Assert.Equal(text, Units.FormatRate(bits));
}
