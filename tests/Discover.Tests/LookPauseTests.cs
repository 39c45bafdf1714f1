using VirtualServices.Discover.Recording;

namespace VirtualServices.Discover.Tests;

public sealed class LookPauseTests
{
    private const uint Large = 1 << 17, Small = 1 << 15; // slots: 8 MB and 2 MB
    private const double Little = 0.01, Much = 0.1;

    [Fact]
    public void It_grows_while_little_comes_and_shrinks_where_much_does()
    {
        LookPause pause = new(Large);
        int grown = After(pause, 100, Little);
        Assert.True(grown > LookPause.ShortestMilliseconds, $"{grown} ms");
        int less = After(pause, 1, Much);
        Assert.InRange(less, LookPause.ShortestMilliseconds, grown - 1);
        Assert.Equal(LookPause.ShortestMilliseconds, After(pause, 100, Much));
    }

    [Fact]
    public void A_burst_of_a_million_events_a_second_finds_room_in_any_ring()
    {
        foreach (uint slots in (uint[])[Small, 1 << 16, Large, 1 << 20])
        {
            LookPause pause = new(slots);
            double events = 1000.0 * After(pause, 1000, 0);
            Assert.True(events <= slots * 0.7, $"{events} events of {slots} slots");
        }
    }

    [Fact]
    public void A_ring_that_fills_is_looked_at_as_often_as_can_be_at_once()
    {
        LookPause pause = new(Large);
        After(pause, 100, Little);
        pause.Looked(0.5, presses: true, processes: false);
        Assert.Equal(LookPause.ShortestMilliseconds, pause.Milliseconds);
    }

    [Fact]
    public void Where_processes_begin_it_stays_short_for_a_while()
    {
        LookPause pause = new(Large);
        After(pause, 100, Little);
        pause.Looked(Little, presses: false, processes: true);
        Assert.Equal(LookPause.ShortestMilliseconds, pause.Milliseconds);
        Assert.Equal(LookPause.ShortestMilliseconds, After(pause, 100, Little)); // two seconds
        Assert.True(After(pause, 1000, Little) > LookPause.ShortestMilliseconds);
    }

    private static int After(LookPause pause, int looks, double fullest)
    {
        for (int i = 0; i < looks; i++) pause.Looked(fullest, presses: false, processes: false);
        return pause.Milliseconds;
    }
}
