using System.Numerics;
using VirtualServices.Discover.Import.Pcap;
using VirtualServices.Discover.Packets;
using VirtualServices.Model;

namespace VirtualServices.Discover.Joining;

/// <summary>
/// The TCP streams of a session's packets, one way each, by address pair and sequence numbers: both hosts of a connection see the same ones. Memory is bounded; what is beyond is not compared.
/// </summary>
internal sealed class StreamIndex
{
    private const int MostStreams = 1 << 16, MostLives = 16, MostSamples = 1 << 17;

    /// <summary>No window is larger (RFC 7323): what is further away is another connection.</summary>
    private const int LargestWindow = 1 << 30;

    private readonly Dictionary<(PacketEnd From, PacketEnd To), List<Life>> _streams = [];
    private Dictionary<PacketId, long> _samples = [];
    private uint _sampleMask;

    /// <summary>When single packets were captured, ns of the session's clock: an even sample of all.</summary>
    internal IReadOnlyDictionary<PacketId, long> Samples => _samples;

    /// <summary>Reads the packets of a session.</summary>
    /// <param name="path">Its <c>packets.pcap</c>; there may be none.</param>
    /// <param name="utcOffsetNs">UTC minus clock of the session, ns.</param>
    /// <exception cref="VsException">It is no capture file.</exception>
    internal static StreamIndex Read(string path, long utcOffsetNs)
    {
        StreamIndex index = new();
        if (!File.Exists(path)) return index;
        using PacketFile file = PacketFile.Open(path);
        while (file.MoveNext())
            if (PacketHeaders.Read(file.Link, file.Data, file.WireBytes, out PacketHeaders headers) == PacketUse.Usable) index.Add(in headers, file.TimeNs - utcOffsetNs);
        return index;
    }

    /// <summary>Takes in a packet.</summary>
    internal void Add(in PacketHeaders packet, long timeNs)
    {
        if (packet.Protocol != TransportProtocol.Tcp || packet.From.IsLoopback) return; // loopback is another one on each host
        bool synchronise = packet.Has(TcpFlags.Synchronise);
        if (!synchronise && packet.PayloadBytes == 0) return; // acknowledgements repeat themselves
        if (!_streams.TryGetValue((packet.From, packet.To), out List<Life>? lives))
        {
            if (_streams.Count >= MostStreams) return;
            _streams.Add((packet.From, packet.To), lives = []);
        }

        uint end = packet.Sequence + (uint)packet.PayloadBytes + (synchronise ? 1u : 0u);
        Life? last = lives.Count > 0 ? lives[^1] : null;
        if (last is null || !last.Takes(packet.Sequence, synchronise))
        {
            if (lives.Count < MostLives) lives.Add(new Life(packet.Sequence, end));
        }
        else
        {
            last.Extend(packet.Sequence, end);
        }

        Sample(new PacketId(packet.From, packet.To, packet.Sequence, packet.PayloadBytes), timeNs);
    }

    /// <summary>Whether an address pair means the same connection in two sessions.</summary>
    /// <returns>True: they share sequence numbers. False: both saw bytes the same way, and none are shared. Null: that is not known.</returns>
    internal bool? SameIn(StreamIndex other, PacketEnd local, PacketEnd remote)
    {
        bool? same = null;
        foreach ((PacketEnd, PacketEnd) way in ((PacketEnd, PacketEnd)[])[(local, remote), (remote, local)])
        {
            if (!_streams.TryGetValue(way, out List<Life>? ours) || !other._streams.TryGetValue(way, out List<Life>? theirs)) continue;
            if (ours.Exists(one => theirs.Exists(one.Shares))) return true;
            same = false;
        }

        return same;
    }

    // Both sessions must choose the same packets, whatever else each saw: chosen by what is in the packet, ever fewer where there are too many.
    private void Sample(PacketId packet, long timeNs)
    {
        if ((packet.Mix() & _sampleMask) != 0 || !_samples.TryAdd(packet, timeNs) || _samples.Count <= MostSamples) return;
        _sampleMask = (_sampleMask << 1) | 1;
        _samples = _samples.Where(sample => (sample.Key.Mix() & _sampleMask) == 0).ToDictionary();
    }

    /// <summary>One connection's bytes; an address pair may have several, one after the other.</summary>
    private sealed class Life(uint first, uint end)
    {
        private uint _first = first, _end = end;

        internal bool Takes(uint sequence, bool synchronise) =>
            synchronise ? sequence == _first : (int)(sequence - _end) is < LargestWindow and > -LargestWindow;

        internal void Extend(uint from, uint to)
        {
            if ((int)(from - _first) < 0 && (int)(_end - from) > 0) _first = from;
            if ((int)(to - _end) > 0) _end = to;
        }

        internal bool Shares(Life other) => other._first - _first < _end - _first || _first - other._first < other._end - other._first;
    }
}

/// <summary>What tells a packet from all others on both hosts that see it.</summary>
internal readonly record struct PacketId(PacketEnd From, PacketEnd To, uint Sequence, int Bytes)
{
    /// <summary>Evenly spread bits that are the same in every process.</summary>
    internal uint Mix()
    {
        ulong mixed = ((ulong)Sequence | ((ulong)From.Port << 32) | ((ulong)To.Port << 48)) * 0x9E37_79B9_7F4A_7C15;
        return (uint)(BitOperations.RotateLeft(mixed ^ (mixed >> 29), 32) * 0xBF58_476D_1CE4_E5B9 >> 32);
    }
}
