namespace VirtualServices.Discover.Import.Pcap;

/// <summary>Bytes of a TCP connection one way: tells new ones from sent again, also where packets overtook each other.</summary>
internal sealed class Direction
{
    /// <summary>Holes that are remembered: what fills an older one counts as sent again.</summary>
    private const int MostHoles = 32;

    /// <summary>No window is larger (RFC 7323): what is further away belongs to no stream that is known.</summary>
    private const int LargestWindow = 1 << 30;

    private readonly List<(uint From, uint To)> _holes = [];
    private long _forgotten;
    private uint _next, _initial;
    private bool _known, _begun;

    /// <summary>Bytes that never came: what the capture does not hold.</summary>
    internal long Missing => _forgotten + _holes.Sum(hole => (long)(hole.To - hole.From));

    /// <summary>Packets were seen.</summary>
    internal bool Seen { get; set; }

    /// <summary>The sender ended it.</summary>
    internal bool Finished { get; set; }

    /// <summary>Whether a SYN with this number was sent again, instead of one that begins another connection.</summary>
    internal bool BeganWith(uint sequence) => _begun && sequence == _initial;

    /// <summary>The first byte's number is known from the handshake.</summary>
    internal void Begin(uint sequence)
    {
        if (_known) return; // sent again
        _next = sequence + 1;
        _known = true;
        _initial = sequence;
        _begun = true;
    }

    /// <summary>How many bytes of a segment are new.</summary>
    internal int New(uint sequence, int bytes)
    {
        if (bytes == 0) return 0;
        uint end = sequence + (uint)bytes;
        int ahead = (int)(sequence - _next); // the numbers wrap: the difference has the sign
        if (!_known || ahead is > LargestWindow or < -LargestWindow)
        {
            _known = true;
            _next = end;
            return bytes;
        }

        if (ahead >= 0)
        {
            if (ahead > 0) AddHole(_next, sequence);
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
            if ((int)(low - start) > 0) AddHole(start, low);
            if ((int)(end - high) > 0) AddHole(high, end);
        }

        return filled;
    }

    private void AddHole(uint from, uint to)
    {
        if (_holes.Count == MostHoles)
        {
            _forgotten += _holes[0].To - _holes[0].From;
            _holes.RemoveAt(0);
        }

        _holes.Add((from, to));
    }
}
