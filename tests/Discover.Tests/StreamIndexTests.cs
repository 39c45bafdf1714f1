using System.Net;
using CsCheck;
using VirtualServices.Discover.Joining;
using VirtualServices.Discover.Packets;
using static VirtualServices.Discover.Tests.CaptureFile;

namespace VirtualServices.Discover.Tests;

public sealed class StreamIndexTests
{
    private const string Here = "10.0.0.1:40000", There = "10.0.0.2:80";
    private const long Second = 1_000_000_000;

    [Fact]
    public void The_same_connection_is_known_by_its_sequence_numbers_wherever_each_began_to_look()
    {
        StreamIndex one = Index((Here, There, Syn, 4_294_967_290, 0), (Here, There, Ack, 4_294_967_291, 100)); // the numbers wrap
        StreamIndex two = Index((Here, There, Ack, 40, 10), (Here, There, Ack, 50, 10), (There, Here, Ack, 900, 5));
        Assert.Null(Same(one, two)); // the other way is not in both: an overlap alone may be chance
        StreamIndex cut = Index((Here, There, Ack, 4_294_967_291, 100), (There, Here, Ack, 900, 5));
        Assert.True(Same(one, cut)); // the same packet
        Assert.True(Same(cut, one));
        one.Add(Packet(There, Here, Ack, 890, 20), 0);
        Assert.True(Same(one, two)); // both ways
        Assert.True(Same(two, one));
        Assert.True(one.SameIn(two, End(There), End(Here)));
    }

    [Fact]
    public void Another_connection_with_the_same_addresses_is_told_apart_and_silence_says_nothing()
    {
        StreamIndex one = Index((Here, There, Syn, 1000, 0), (Here, There, Ack, 1001, 100), (There, Here, Ack, 5, 5));
        Assert.False(Same(one, Index((Here, There, Syn, 900_000, 0), (Here, There, Ack, 900_001, 100))));
        StreamIndex next = Index((Here, There, Ack, 1101, 100)); // begins where the other ended
        Assert.False(Same(one, next));
        Assert.False(Same(next, one));
        Assert.Null(Same(one, Index()));
        Assert.Null(Same(one, Index((Here, "10.0.0.2:81", Ack, 1001, 100))));
        Assert.Null(Same(Index((There, Here, Ack, 5, 5)), Index((Here, There, Ack, 1001, 100)))); // each saw the other way only
    }

    [Fact]
    public void One_way_that_contradicts_outweighs_one_that_agrees()
    {
        StreamIndex one = Index((Here, There, Ack, 1000, 100), (There, Here, Ack, 5000, 100));
        Assert.False(Same(one, Index((Here, There, Ack, 1000, 100), (There, Here, Ack, 900_000_000, 100))));
        Assert.False(Same(one, Index((Here, There, Ack, 900_000_000, 100), (There, Here, Ack, 5000, 100))));
    }

    [Fact]
    public void Handshakes_with_other_initial_numbers_are_of_two_connections_although_their_numbers_overlap()
    {
        StreamIndex one = Index((Here, There, Syn, 1000, 0), (Here, There, Ack, 1001, 500)), two = Index((Here, There, Syn, 1200, 0), (Here, There, Ack, 1201, 500));
        Assert.False(Same(one, two));
        Assert.True(Same(one, Index((Here, There, Syn, 1000, 0))));
    }

    [Fact]
    public void What_is_far_away_is_not_taken_for_the_same_stream()
    {
        StreamIndex one = Index((Here, There, Ack, 1000, 100), (There, Here, Ack, 1, 1), (Here, There, Ack, 500_000_000, 100));
        Assert.False(Same(one, Index((Here, There, Ack, 250_000_000, 100), (There, Here, Ack, 1, 1))));
        Assert.True(Same(one, Index((Here, There, Ack, 500_000_050, 100), (There, Here, Ack, 1, 1))));
    }

    [Fact]
    public void A_stream_whose_numbers_come_round_proves_nothing_by_them()
    {
        StreamIndex one = Index((There, Here, Ack, 1, 1));
        for (uint i = 0; i < 5000; i++) one.Add(Packet(Here, There, Ack, i << 20, 1 << 20), 0);
        Assert.Null(Same(one, Index((Here, There, Ack, 77, 10), (There, Here, Ack, 1, 2))));
    }

    [Fact]
    public void More_connections_than_are_kept_are_not_told_apart()
    {
        StreamIndex many = new();
        for (uint i = 0; i < 20; i++) many.Add(Packet(Here, There, Syn, i * 100_000_000, 0), 0);
        Assert.True(Same(many, Index((Here, There, Syn, 500_000_000, 0))));
        Assert.Null(Same(many, Index((Here, There, Syn, 1_900_000_000, 0)))); // the last one: forgotten
    }

    [Fact]
    public void Packets_that_were_made_to_be_sampled_all_do_not_fill_memory()
    {
        StreamIndex index = new();
        int made = 0;
        for (uint i = 0; made < StreamIndex.MostSamples * 2; i++)
        {
            PacketHeaders packet = Packet(Here, There, Ack, i, 1);
            if ((new PacketId(packet.From, packet.To, packet.Sequence, packet.PayloadBytes).Mix() & 7) != 0) continue;
            index.Add(in packet, i);
            made++;
        }

        Assert.InRange(index.Samples.Count, 1, StreamIndex.MostSamples);
    }

    [Fact]
    public void The_sample_is_chosen_by_all_that_a_packet_is()
    {
        // Ports and numbers 0: only lengths, and then only addresses differ.
        Assert.InRange(Enumerable.Range(0, 1000).Count(i => (new PacketId(default, default, 0, i).Mix() & 1) == 0), 400, 600);
        Assert.InRange(Enumerable.Range(0, 1000).Count(i => (new PacketId(new PacketEnd(0, (ulong)i, 0), default, 0, 0).Mix() & 1) == 0), 400, 600);
        Assert.InRange(Enumerable.Range(0, 1000).Count(i => (new PacketId(default, new PacketEnd((ulong)i, 0, 0), 0, 0).Mix() & 1) == 0), 400, 600);
    }

    [Fact]
    public void An_address_pair_may_have_connections_one_after_the_other()
    {
        StreamIndex both = Index((Here, There, Syn, 1000, 0), (Here, There, Ack, 1001, 100), (Here, There, Syn, 70_000_000, 0), (Here, There, Ack, 70_000_001, 100));
        Assert.True(Same(both, Index((Here, There, Ack, 1001, 100))));
        Assert.True(Same(both, Index((Here, There, Ack, 70_000_001, 100))));
        Assert.False(Same(both, Index((Here, There, Ack, 30_000_000, 100))));
    }

    [Fact]
    public void Loopback_is_another_one_on_each_host()
    {
        StreamIndex one = Index(("127.0.0.1:40000", "127.0.0.1:80", Ack, 1, 5));
        Assert.Null(one.SameIn(one, End("127.0.0.1:40000"), End("127.0.0.1:80")));
        Assert.Empty(one.Samples);
    }

    [Fact]
    public void Too_many_packets_are_sampled_and_both_hosts_take_the_same_ones()
    {
        const int Packets = 600_000;
        StreamIndex all = new(), half = new();
        for (uint i = 0; i < Packets; i++)
        {
            PacketHeaders packet = Packet(Here, There, Ack, i * 7, 1);
            all.Add(in packet, i);
            if (i >= Packets / 2) half.Add(in packet, i + 5);
        }

        Assert.InRange(all.Samples.Count, 1 << 15, 1 << 17);
        int shared = half.Samples.Count(sample => all.Samples.TryGetValue(sample.Key, out long timeNs) && timeNs == sample.Value - 5);
        Assert.InRange(shared, all.Samples.Count * 2 / 5, all.Samples.Count * 3 / 5);
    }

    [Fact]
    public void The_distance_of_the_clocks_is_found_better_than_the_delay_of_the_network_while_they_drift() =>
        (from distance in Gen.Long[0, 1_000_000 * Second] from drift in Gen.Int[-100, 100] from delays in Gen.Int[200_000, 2_000_000].Array[200] select (distance, drift, delays)).Sample(
            one =>
            {
                const int FastestNs = 200_000, ErrorNs = 30_000; // packets are 10 ms apart, the fastest ones 0.2 s: meanwhile the clocks drift
                StreamIndex near = new(), far = new();
                uint sequence = 1;
                for (int i = 0; i < 2000; i++)
                {
                    // Real time is the near host's; the far one's clock goes drift/1e6 faster. Both ways see the fastest delay now and then.
                    long now = 100 * Second + (i * 10_000_000L);
                    int delay = i % 20 < 2 ? FastestNs : one.delays[i % one.delays.Length];
                    bool there = i % 2 == 0;
                    PacketHeaders packet = there ? Packet(Here, There, Ack, sequence++, 1) : Packet(There, Here, Ack, sequence++, 1);
                    near.Add(in packet, there ? now : now + delay);
                    far.Add(in packet, Far(there ? now + delay : now));
                }

                ClockMatch match = ClockMatch.Of(near, far);
                Assert.InRange(match.Points, 20, 21);
                for (long now = 102 * Second; now < 118 * Second; now += Second / 7) Assert.InRange(match.ToReference(Far(now)) - now, -ErrorNs, ErrorNs);

                long Far(long nearNs) => nearNs + one.distance + (nearNs / 1_000_000 * one.drift);
            },
            iter: 30);

    [Fact]
    public void Packets_that_go_one_way_tell_no_distance()
    {
        StreamIndex one = Index((Here, There, Ack, 1, 5), (Here, There, Ack, 6, 5));
        Assert.Equal(0, ClockMatch.Of(one, one).Points);
    }

    private static bool? Same(StreamIndex one, StreamIndex two) => one.SameIn(two, End(Here), End(There));

    private static PacketEnd End(string text) => IPEndPoint.Parse(text) is var end ? PacketEnd.Of(end.Address, end.Port) : default;

    private static StreamIndex Index(params (string From, string To, byte Flags, uint Sequence, int Bytes)[] packets)
    {
        StreamIndex index = new();
        foreach ((string from, string to, byte flags, uint sequence, int bytes) in packets) index.Add(Packet(from, to, flags, sequence, bytes), 0);
        return index;
    }

    private static PacketHeaders Packet(string from, string to, byte flags, uint sequence, int bytes) =>
        new() { Protocol = Model.TransportProtocol.Tcp, From = End(from), To = End(to), Flags = (TcpFlags)flags, Sequence = sequence, PayloadBytes = bytes };
}
