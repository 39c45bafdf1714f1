using System.Text.Json;
using CsCheck;
using VirtualServices.Cli.Commands;
using VirtualServices.Cli.Top;
using VirtualServices.Enforce;

namespace VirtualServices.Cli.Tests.Top;

public sealed class TopTests
{
    [Fact]
    public void A_table_for_each_interval_where_there_is_no_terminal()
    {
        (string output, _) = Run(new TopCommand.Arguments(TimeSpan.FromMilliseconds(1), 2, TopSort.Used, false, false), new FakeTerminal("") { IsInteractive = false });
        Assert.Equal(
            """
            vs top 09:30:00 UTC · 2 CPUs · rule set 3 · by used
            enforcer: running (pid 4711)
            VIRTUAL SERVICE                           USED%  ENTI%      HISTORY    REQ/S  UNKN/S   WAIT  PROC  CONN
            acme                                       50.0   66.7            ▄      100       0   1.50     5     7
              (front door)                             10.0                            0       0   0.00     1     0
              acme-shop                                40.0   33.3            ▄      100       0   1.50     4     7
                postgres                               40.0                          100       0   1.50     4     7
            bestEffort                                 25.0   33.3            ▂      5.0     5.0   0.00     1     0
              postgres                                 25.0                          5.0     5.0   0.00     1     0
            idle                                        0.0      -                     0       0   0.00     0     0

            vs top 09:30:00 UTC · 2 CPUs · rule set 3 · by used
            enforcer: running (pid 4711)
            VIRTUAL SERVICE                           USED%  ENTI%      HISTORY    REQ/S  UNKN/S   WAIT  PROC  CONN
            acme                                       50.0   66.7           ▄▄      100       0   1.50     5     7
              (front door)                             10.0                            0       0   0.00     1     0
              acme-shop                                40.0   33.3           ▄▄      100       0   1.50     4     7
                postgres                               40.0                          100       0   1.50     4     7
            bestEffort                                 25.0   33.3           ▂▂      5.0     5.0   0.00     1     0
              postgres                                 25.0                          5.0     5.0   0.00     1     0
            idle                                        0.0      -                     0       0   0.00     0     0


            """.ReplaceLineEndings("\n"),
            output);
    }

    [Fact]
    public void Held_requests_stand_below_the_table_the_most_first()
    {
        TopView view = new(2);
        view.Add(EnforcementStatus.Nothing with { Admission = [new AdmissionUse("acme", "redis", 3, 2, 1, 4, 1, 9, 0, 0), new AdmissionUse("other", "redis", 48, 47, 2, 49, 1, 9, 0, 0), new AdmissionUse("idle", "redis", 0, 0, 0, 0, 0, 9, 0, 0)] });
        Assert.Equal("held: other at redis 47 requests on 48 connections, acme at redis 2 requests on~", view.Table(80)[^1]);
    }

    [Fact]
    public void Limits_stand_below_the_table_the_fullest_first()
    {
        TopView view = new(2);
        view.Add(EnforcementStatus.Nothing with { Limits = [new LimitUse("acme", "processes", 5, 5, 1, "best-effort"), new LimitUse("acme", "sockets", 50, 200, 0, "errno:EAGAIN"), new LimitUse("other", "sockets", 9, 9, 3, "best-effort")] });
        Assert.Equal(["processes: acme 5 of 5 (met 1 times)", "sockets: other 9 of 9 (met 3 times), acme 50 of 200"], view.Table(80)[^2..]);
        Assert.Equal("sockets: other 9 of~", view.Table(20)[^1]);
    }

    [Fact]
    public void Eighty_columns_have_room_for_all()
    {
        TopView view = Sampled(3);
        Assert.Equal(
            [
                "vs top 12:00:00 UTC · 2 CPUs · rule set 3 · by used",
                "enforcer: running (pid 4711)",
                "VIRTUAL SERVICE    USED%  ENTI%      HISTORY    REQ/S  UNKN/S   WAIT  PROC  CONN",
                "acme                50.0   66.7           ▄▄      100       0   1.50     5     7",
                "  (front door)      10.0                            0       0   0.00     1     0",
                "  acme-shop         40.0   33.3           ▄▄      100       0   1.50     4     7",
                "    postgres        40.0                          100       0   1.50     4     7",
                "q quit  sort: u e r w k n  s services  space pause  arrows · 3 more below",
            ],
            view.Picture(Noon, 80, 8));
    }

    [Fact]
    public void A_narrow_terminal_loses_the_least_important_columns_first()
    {
        Assert.Equal(
            [
                "VIRTUAL SERVICE    USED%  ENTI%    REQ/S",
                "acme                50.0   66.7      100",
                "  (front door)      10.0               0",
            ],
            Sampled(2).Picture(Noon, 40, 30).Skip(2).Take(3));
        Assert.Equal(["VIRTUAL SERV~", "acme", "  (front doo~"], Sampled(2).Picture(Noon, 13, 30).Skip(2).Take(3));
    }

    [Fact]
    public void No_picture_is_larger_than_its_terminal() => Gen.Select(Gen.Int[0, 200], Gen.Int[0, 40], Gen.String[Gen.Char["abc\u001b[\n ~µ"], 1, 70]).Sample((width, height, name) =>
    {
        TopView view = new(2);
        view.Add(Status(1, name));
        view.Add(Status(2, name));
        List<string> picture = view.Picture(Noon, width, height);
        Assert.True(picture.Count <= height);
        Assert.All(picture, line => Assert.True(line.Length <= width && !line.Any(char.IsControl)));
    });

    [Theory]
    [InlineData(' ', "")]
    [InlineData('n', "acme,bestEffort,idle")]
    [InlineData('k', "bestEffort,acme,idle")]
    [InlineData('u', "acme,bestEffort,idle")]
    [InlineData('s', "acme,acme-shop,bestEffort,idle")]
    public void Keys_choose_order_and_services(char key, string shown)
    {
        TopView view = Sampled(2);
        Assert.True(view.Press(new ConsoleKeyInfo(key, ConsoleKey.None, false, false, false)));
        Assert.Equal(key == ' ', view.Paused);
        if (shown.Length == 0) return;
        IEnumerable<string> names = view.Table(80).Skip(1).Select(line => line.TrimEnd().Split("  ").First(part => part.Length > 0));
        if (key != 's') names = names.Where(name => name is "acme" or "bestEffort" or "idle");
        Assert.Equal(shown, string.Join(',', names.Select(name => name.Trim())));
    }

    [Fact]
    public void Scrolling_ends_at_the_ends()
    {
        TopView view = Sampled(2);
        List<string> top = view.Picture(Noon, 80, 8);
        Press(ConsoleKey.UpArrow);
        Assert.Equal(top, view.Picture(Noon, 80, 8));
        for (int i = 0; i < 5; i++) Press(ConsoleKey.PageDown);
        Assert.StartsWith("idle ", view.Picture(Noon, 80, 8)[6], StringComparison.Ordinal);
        Press(ConsoleKey.Home);
        Assert.Equal(top, view.Picture(Noon, 80, 8));

        void Press(ConsoleKey key) => view.Press(new ConsoleKeyInfo('\0', key, false, false, false));
    }

    [Fact]
    public void At_the_terminal_it_draws_in_the_alternate_screen_until_q()
    {
        (string output, int reads) = Run(new TopCommand.Arguments(TimeSpan.FromHours(1), 0, TopSort.Used, false, false), new FakeTerminal("nq") { Size = (60, 10) });
        Assert.Equal(1, reads);
        Assert.StartsWith("\x1b[?1049h\x1b[?25l\x1b[H", output, StringComparison.Ordinal);
        Assert.EndsWith("\x1b[J\x1b[?25h\x1b[?1049l", output, StringComparison.Ordinal);
        Assert.Equal(2, output.Split("\x1b[J").Length - 1);
        Assert.Contains("by name\x1b[K\r\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_screen_is_left_when_reading_fails()
    {
        using StringWriter output = new();
        CommandContext context = Context(output, new FakeTerminal("q"));
        Assert.Throws<VsException>(() => TopCommand.Run(new TopCommand.Arguments(TimeSpan.FromHours(1), 0, TopSort.Used, false, false), context, () => throw new VsException(ExitCode.Permission, "no"), 2));
        Assert.EndsWith("\x1b[?25h\x1b[?1049l", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Json_is_one_document_a_line()
    {
        (string output, _) = Run(new TopCommand.Arguments(TimeSpan.FromMilliseconds(1), 2, TopSort.Used, false, true), new FakeTerminal(""));
        string[] lines = output.TrimEnd('\n').Split('\n');
        Assert.Equal(2, lines.Length);
        using JsonDocument document = JsonDocument.Parse(lines[1]);
        Assert.Equal(2, document.RootElement.GetProperty("cpus").GetInt32());
        Assert.Equal("running", document.RootElement.GetProperty("state").GetString());
        JsonElement acme = document.RootElement.GetProperty("virtual_services").EnumerateArray().First(vs => vs.GetProperty("name").GetString() == "acme");
        Assert.Equal((1.0, 1.3333, 1.5), (acme.GetProperty("cpu_used").GetDouble(), acme.GetProperty("cpu_entitled").GetDouble(), acme.GetProperty("waiting").GetDouble()));
        Assert.Equal(7, acme.GetProperty("counts").GetProperty("connections").GetInt32());
    }

    [Fact]
    public void Nothing_enforced_and_a_dead_enforcer_are_said()
    {
        TopView view = new(2);
        view.Add(EnforcementStatus.Nothing);
        Assert.Equal("nothing is enforced", view.Picture(Noon, 80, 5)[1]);
        view.Add(Status(1) with { Enforcer = EnforcerState.Dead, Heartbeat = Noon });
        Assert.StartsWith("enforcer: dead since 2026-01-31 12:00:00Z", view.Picture(Noon, 80, 5)[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, " ")]
    [InlineData(0.001, "▁")]
    [InlineData(0.5, "▄")]
    [InlineData(1, "█")]
    [InlineData(7, "█")]
    public void Sparkline_marks(double value, string mark) => Assert.Equal("  " + mark, Sparkline.Draw([value], 1, 3));

    [Fact]
    public void A_sparkline_shows_the_last_values() => Assert.Equal("▂▃", Sparkline.Draw([1, 0.25, 0.375], 1, 2));

    private static DateTimeOffset Noon { get; } = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private static TopView Sampled(int samples)
    {
        TopView view = new(2);
        for (int i = 0; i < samples; i++) view.Add(Status(i));
        return view;
    }

    // After so many seconds of: acme-shop 0.8 CPUs, acme itself 0.2, best effort 0.5.
    private static EnforcementStatus Status(int seconds, string idle = "idle")
    {
        UseCounts shop = new(seconds * 800_000_000L, 4, 7, seconds * 1_500_000_000L, seconds * 100L), own = new(seconds * 200_000_000L, 1, 0), rest = new(seconds * 500_000_000L, 1, 0, 0, seconds * 5L, seconds * 5L);
        VirtualServiceShare share = new(new CpuShare(), new NetworkShare(), null, null);
        return EnforcementStatus.Nothing with
        {
            Enforcer = EnforcerState.Running,
            EnforcerPid = 4711,
            Since = DateTimeOffset.UnixEpoch,
            Generation = 3,
            TakenNs = (seconds + 1) * 1_000_000_000L,
            VirtualServices =
            [
                new VirtualServiceUse("bestEffort", "", rest, rest, share with { Cpu = new CpuShare(50) }),
                new VirtualServiceUse("acme", "", own, own + shop, share),
                new VirtualServiceUse("acme-shop", "acme", shop, shop, share),
                new VirtualServiceUse(idle, "", default, default, share),
            ],
            Use = [new ServiceUse("bestEffort", "postgres", rest), new ServiceUse("acme", "", own), new ServiceUse("acme-shop", "postgres", shop)],
        };
    }

    private static (string Output, int Reads) Run(TopCommand.Arguments arguments, FakeTerminal terminal)
    {
        using StringWriter output = new();
        int reads = 0;
        Assert.Equal(ExitCode.Done, TopCommand.Run(arguments, Context(output, terminal), () => Status(reads++), 2));
        return (output.ToString(), reads);
    }

    private static CommandContext Context(StringWriter output, FakeTerminal terminal) => new(output, output, terminal, new StepClock(), _ => null) { Cancellation = CancellationToken.None };

    // One second passes from each look at the clock to the next.
    private sealed class StepClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => _now += 1;

        public override DateTimeOffset GetUtcNow() => new(2026, 1, 31, 10, 30, 0, TimeSpan.FromHours(1));
    }
}
