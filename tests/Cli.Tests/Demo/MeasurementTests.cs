using VirtualServices.Cli.Demo;

namespace VirtualServices.Cli.Tests.Demo;

public sealed class MeasurementTests
{
    private static readonly DateTime From = new(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    [Fact]
    public void Only_what_ended_within_the_window_counts()
    {
        Measurement measurement = new();
        measurement.Add([At(-0.001, 1), At(0, 2), At(1.999, 3), At(2, 4)], From, From.AddSeconds(2), 1);
        Assert.Equal(2, measurement.Count);
        Assert.Equal(1.0, measurement.Rate);
        Assert.Equal(3, measurement.Quantile(0.99));
    }

    [Fact]
    public void One_window_in_a_bad_moment_does_not_decide()
    {
        Measurement measurement = new();
        measurement.Add(Enumerable.Range(1, 50).Select(ms => At(0, ms)), From, From.AddSeconds(1), 1);
        measurement.Add(Enumerable.Range(1001, 10).Select(ms => At(0, ms)), From, From.AddSeconds(1), 1);
        measurement.Add(Enumerable.Range(2, 60).Select(ms => At(0, ms)), From, From.AddSeconds(1), 1);
        Assert.Equal(50, measurement.Rate);
        Assert.Equal(31, measurement.Quantile(0.50));
        Assert.Equal(61, measurement.Quantile(0.99));
        Assert.Equal(120, measurement.Count);
    }

    [Fact]
    public void A_rate_is_comparable_at_equal_speed_of_the_machine()
    {
        Measurement measurement = new();
        foreach ((int transactions, double speed) in ((int, double)[])[(100, 1), (50, 0.5), (80, 0.8)])
            measurement.Add(Enumerable.Repeat(At(0, 1), transactions), From, From.AddSeconds(1), speed);
        Assert.Equal(80, measurement.Rate);
        Assert.Equal(100, measurement.RateAtEqualSpeed);
    }

    [Fact]
    public void A_window_in_which_nobody_was_answered_is_the_worst_there_is()
    {
        Measurement measurement = new();
        measurement.Add([], From, From.AddSeconds(1), 1);
        Assert.Equal(0, measurement.Rate);
        Assert.Equal(double.PositiveInfinity, measurement.Quantile(0.99));
    }

    [Fact]
    public void Nothing_measured_is_no_number()
    {
        Measurement measurement = new();
        Assert.Equal(0, measurement.Rate);
        Assert.True(double.IsNaN(measurement.Quantile(0.99)));
    }

    [Fact]
    public void A_line_of_the_log_is_read_with_its_time_and_latency()
    {
        Transaction transaction = Transaction.Parse("3 17 12500 0 1893456000 250000 9000", "log");
        Assert.Equal(12.5, transaction.LatencyMs);
        Assert.Equal(From.AddSeconds(0.25), transaction.End);
    }

    [Theory]
    [InlineData("0 17 failed 0 1893456000 250000")]
    [InlineData("0 17 skipped 0 1893456000 250000")]
    [InlineData("0 17 12500 0 18934")]
    [InlineData("")]
    public void A_transaction_that_failed_is_refused(string line) =>
        Assert.Equal(ExitCode.BadInput, Assert.Throws<VsException>(() => Transaction.Parse(line, "log")).ExitCode);

    private static Transaction At(double seconds, double latencyMs) => new(From.AddSeconds(seconds), latencyMs);
}
