using VirtualServices.Discover.Recording.Packets;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Tests;

public sealed class PacketRecorderTests
{
    private static readonly SessionClock Clock = new("CLOCK_MONOTONIC", 0, 0, 0);

    [Fact]
    public void A_list_of_sockets_that_cannot_be_had_ends_nothing_and_is_told()
    {
        using ManualResetEventSlim tried = new();
        using PacketRecorder recorder = new([], 0, new MemoryStream(), Clock, [], "", (_, _) =>
        {
            tried.Set();
            throw new InvalidOperationException("no list");
        });
        Assert.True(tried.Wait(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        recorder.Complete(); // throws what ended the thread
        Assert.Equal("no list", recorder.RenewFailure);
    }

    [Fact]
    public void What_the_recorder_itself_loses_is_lost()
    {
        PacketCounts counts = new(new PacketsInfo(0, [new PacketInterface("lo", Dropped: 5)]), 100, 1000, 20, 300, []);
        Assert.Equal(new SourceCount("pcap", 100, 325), counts.Sources().First());
    }
}
