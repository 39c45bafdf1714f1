using VirtualServices.Discover.Import.Pcap;
using VirtualServices.Discover.Packets;
using VirtualServices.Model;

namespace VirtualServices.Discover.Joining;

/// <summary>
/// The TCP streams of a session's packets, one way each, by address pair and sequence numbers: both hosts of a connection see the same ones. Memory is bounded; what is beyond is not compared.
/// </summary>
internal sealed class StreamIndex
{
    /// <summary>Most packets in the sample.</summary>
    internal const int MostSamples = 1 << 17;

    private const int MostStreams = 1 << 16, MostLives = 16, CheckEvery = 1 << 14;

    private readonly Dictionary<(PacketEnd From, PacketEnd To), Stream> _streams = [];
    private readonly Dictionary<StreamIndex, HashSet<(PacketEnd From, PacketEnd To)>> _shared = [];
    private Dictionary<PacketId, long> _samples = [];
    private uint _sampleMask;
    private bool _sampleFull;

    /// <summary>When single packets were captured, ns of the session's clock: an even sample of all.</summary>
    internal IReadOnlyDictionary<PacketId, long> Samples => _samples;

    /// <summary>Reads the packets of a session.</summary>
    /// <param name="path">Its <c>packets.pcap</c>; there may be none.</param>
    /// <param name="utcOffsetNs">UTC minus clock of the session, ns.</param>
    /// <param name="progress">Called now and then with the packets read.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="VsException">It is no capture file.</exception>
    internal static StreamIndex Read(string path, long utcOffsetNs, Action<long>? progress, CancellationToken cancel)
    {
        StreamIndex index = new();
        if (!File.Exists(path)) return index;
        using PacketFile file = PacketFile.Open(path);
        while (file.MoveNext())
        {
            if (file.Number % CheckEvery == 0)
            {
                cancel.ThrowIfCancellationRequested();
                progress?.Invoke(file.Number);
            }

            if (PacketHeaders.Read(file.Link, file.Data, file.WireBytes, out PacketHeaders headers) == PacketUse.Usable) index.Add(in headers, file.TimeNs - utcOffsetNs);
        }

        return index;
    }

    /// <summary>Takes in a packet.</summary>
    internal void Add(in PacketHeaders packet, long timeNs)
    {
        if (packet.Protocol != TransportProtocol.Tcp || packet.From.IsLoopback) return; // loopback is another one on each host
        bool synchronise = packet.Has(TcpFlags.Synchronise);
        if (!synchronise && packet.PayloadBytes == 0) return; // acknowledgements repeat themselves
        if (!_streams.TryGetValue((packet.From, packet.To), out Stream? stream))
        {
            if (_streams.Count >= MostStreams) return;
            _streams.Add((packet.From, packet.To), stream = new Stream());
        }

        stream.Add(packet.Sequence, packet.PayloadBytes, synchronise);
        Sample(new PacketId(packet.From, packet.To, packet.Sequence, packet.PayloadBytes), timeNs);
    }

    /// <summary>
    /// Whether an address pair means the same connection in two sessions. What proves it: the initial number of a handshake that both saw; sequence numbers shared both ways; or shared one way,
    /// where the other way is not in both, with a packet of the same number and length.
    /// </summary>
    /// <returns>True: it is proven. False: both saw bytes the same way, and share no sequence numbers. Null: that is not known.</returns>
    internal bool? SameIn(StreamIndex other, PacketEnd local, PacketEnd remote)
    {
        int overlapping = 0;
        bool identical = false, packet = false;
        foreach ((PacketEnd, PacketEnd) way in ((PacketEnd, PacketEnd)[])[(local, remote), (remote, local)])
        {
            if (!_streams.TryGetValue(way, out Stream? ours) || !other._streams.TryGetValue(way, out Stream? theirs)) continue;
            switch (ours.Compare(theirs))
            {
                case Likeness.Apart: return false;
                case Likeness.SameBeginning: identical = true; break;
                case Likeness.Overlap:
                    overlapping++;
                    packet |= SharedWith(other).Contains(way);
                    break;
            }
        }

        return identical || overlapping == 2 || packet ? true : null;
    }

    // Of the ways of which both sampled the same packet.
    private HashSet<(PacketEnd From, PacketEnd To)> SharedWith(StreamIndex other)
    {
        if (!_shared.TryGetValue(other, out HashSet<(PacketEnd From, PacketEnd To)>? shared))
            _shared.Add(other, shared = [.. _samples.Keys.Where(other._samples.ContainsKey).Select(packet => (packet.From, packet.To))]);
        return shared;
    }

    // Both sessions must choose the same packets, whatever else each saw: chosen by what is in the packet, ever fewer where there are too many. Packets that are made up to be chosen all end it.
    private void Sample(PacketId packet, long timeNs)
    {
        if (_sampleFull || (packet.Mix() & _sampleMask) != 0 || !_samples.TryAdd(packet, timeNs) || _samples.Count < MostSamples) return;
        _sampleMask = (_sampleMask << 1) | 1;
        _samples = _samples.Where(sample => (sample.Key.Mix() & _sampleMask) == 0).ToDictionary();
        _sampleFull = _samples.Count > MostSamples * 3 / 4;
    }

    private enum Likeness
    {
        /// <summary>It cannot be told: more connections than are kept, or one so long that its numbers came round.</summary>
        Unknown,

        /// <summary>No numbers are shared.</summary>
        Apart,

        /// <summary>Numbers are shared.</summary>
        Overlap,

        /// <summary>A handshake's initial number is shared.</summary>
        SameBeginning,
    }

    /// <summary>The connections of an address pair one after the other, one way.</summary>
    private sealed class Stream
    {
        private readonly List<Life> _lives = [];
        private bool _more;

        internal void Add(uint sequence, int bytes, bool synchronise)
        {
            for (int i = _lives.Count - 1; i >= 0; i--)
            {
                if (!_lives[i].Takes(sequence, synchronise)) continue;
                _lives[i].Extend(sequence, bytes, synchronise);
                return;
            }

            if (_lives.Count < MostLives) _lives.Add(new Life(sequence, bytes, synchronise));
            else _more = true;
        }

        internal Likeness Compare(Stream other)
        {
            Likeness most = _more || other._more ? Likeness.Unknown : Likeness.Apart;
            foreach (Life one in _lives)
            {
                foreach (Life two in other._lives)
                {
                    Likeness likeness = one.Compare(two);
                    if (likeness == Likeness.SameBeginning || (likeness == Likeness.Overlap && most != Likeness.SameBeginning)) most = likeness;
                    else if (likeness == Likeness.Unknown && most == Likeness.Apart) most = likeness;
                }
            }

            return most;
        }
    }

    /// <summary>One connection's bytes.</summary>
    private sealed class Life(uint sequence, int bytes, bool synchronise)
    {
        /// <summary>Packets that were lost or came late leave such a distance between those before and behind. What is further away may be another connection's.</summary>
        private const int Near = 1 << 24;

        /// <summary>A quarter of all numbers: what is longer shares some with every other connection before long.</summary>
        private const long Telling = 1L << 30;

        private uint _first = sequence, _end = End(sequence, bytes, synchronise);
        private long _bytes = (long)bytes + (synchronise ? 1 : 0);

        internal bool Takes(uint from, bool begins) =>
            begins ? synchronise && from == _first : (int)(from - _end) is < Near and > -Near || (_bytes < Telling && from - _first < _end - _first);

        internal void Extend(uint from, int count, bool begins)
        {
            int before = synchronise ? 0 : (int)(_first - from), behind = (int)(End(from, count, begins) - _end);
            if (before > 0 && _bytes < Telling && (int)(_end - from) > 0)
            {
                _first = from;
                _bytes += before;
            }

            if (behind <= 0) return;
            _end += (uint)behind;
            _bytes += behind;
        }

        internal Likeness Compare(Life other)
        {
            if (synchronise && other.Begins) return _first == other._first ? Likeness.SameBeginning : Likeness.Apart;
            if (_bytes >= Telling || other._bytes >= Telling) return Likeness.Unknown;
            return other._first - _first < _end - _first || _first - other._first < other._end - other._first ? Likeness.Overlap : Likeness.Apart;
        }

        private bool Begins => synchronise;

        private static uint End(uint from, int count, bool begins) => from + (uint)count + (begins ? 1u : 0u);
    }
}

/// <summary>What tells a packet from all others on both hosts that see it.</summary>
internal readonly record struct PacketId(PacketEnd From, PacketEnd To, uint Sequence, int Bytes)
{
    /// <summary>Evenly spread bits of all that it is, the same in every process.</summary>
    internal uint Mix()
    {
        ulong mixed = 0;
        foreach (ulong part in (ReadOnlySpan<ulong>)[From.High, From.Low, To.High, To.Low, Sequence | ((ulong)From.Port << 32) | ((ulong)To.Port << 48), (ulong)Bytes])
        {
            mixed = (mixed ^ part) * 0x9E37_79B9_7F4A_7C15;
            mixed = (mixed ^ (mixed >> 29)) * 0xBF58_476D_1CE4_E5B9;
            mixed ^= mixed >> 32;
        }

        return (uint)mixed;
    }
}
