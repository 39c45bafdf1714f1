namespace VirtualServices.Discover.Import.Pcap;

/// <summary>Bytes of a TCP connection one way: tells new ones from sent again, also where packets overtook each other.</summary>
internal sealed class Direction
{
    /// <summary>Holes that are remembered: a capture that lost more is not followed further back.</summary>
    private const int MostHoles = 32;

    private readonly List<(uint From, uint To)> _holes = [];
    private uint _next;
    private bool _known;

    /// <summary>Bytes that never came: what the capture lost.</summary>
    internal long Missing
    {
        get
        {
            long sum = 0;
            foreach ((uint from, uint to) in _holes) sum += to - from;
            return sum;
        }
    }

    internal bool Finished { get; set; }

    /// <summary>The first byte's number is known from the handshake.</summary>
    internal void Begin(uint sequence)
    {
        _next = sequence + 1;
        _known = true;
        _holes.Clear();
        Finished = false;
    }

    /// <summary>How many bytes of a segment are new.</summary>
    internal int New(uint sequence, int bytes)
    {
        if (bytes == 0) return 0;
        uint end = sequence + (uint)bytes;
        if (!_known)
        {
            _known = true;
            _next = end;
            return bytes;
        }

        int ahead = (int)(sequence - _next); // sequence numbers wrap: the difference has the sign
        if (ahead >= 0)
        {
            if (ahead > 0 && _holes.Count < MostHoles) _holes.Add((_next, sequence));
            _next = end;
            return bytes;
        }

        int fresh = Fill(sequence, end);
        int beyond = (int)(end - _next);
        if (beyond <= 0) return fresh;
        _next = end;
        return fresh + beyond;
    }

    private int Fill(uint from, uint to)
    {
        int filled = 0;
        for (int i = _holes.Count - 1; i >= 0; i--)
        {
            (uint start, uint end) = _holes[i];
            uint low = (int)(from - start) > 0 ? from : start, high = (int)(to - end) < 0 ? to : end;
            if ((int)(high - low) <= 0) continue;
            filled += (int)(high - low);
            _holes.RemoveAt(i);
            if ((int)(low - start) > 0) _holes.Add((start, low));
            if ((int)(end - high) > 0) _holes.Add((high, end));
        }

        return filled;
    }
}
