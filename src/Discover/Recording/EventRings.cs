using System.Numerics;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording;

/// <summary>
/// Takes the recorder's records from the rings of all processors (bpf/recorder_rings.h), in the order of their times: no copy, no allocation and no call per record. One thread only.
/// </summary>
/// <remarks>
/// What a processor records takes its place within a fraction of a microsecond of the time that it bears, so what is older than the beginning of a look is there by then. Records of one processor stay in the
/// order in which they took their places: what describes a socket comes before the event that made the recorder look.
/// </remarks>
internal sealed unsafe class EventRings : IDisposable
{
    /// <summary>Fewest bytes of one processor's ring, where there are as many for all: what it records in some 32 ms at a million events a second.</summary>
    internal const int LeastBytes = 2 << 20;

    private readonly MappedMemory? _memory;
    private readonly Source[] _sources;
    private readonly ulong _mask;
    private int _current;
    private uint _taken; // slots of the record that was read last
    private long _othersNs; // earliest time of the other processors' next records
    private long _untilNs;

    /// <summary>Maps the rings. The map stays the caller's.</summary>
    /// <exception cref="BpfException">The map cannot be mapped.</exception>
    internal EventRings(BpfMap map)
        : this(new MappedMemory(map), map)
    {
    }

    /// <summary>Reads rings that lie one after the other in memory that stays the caller's.</summary>
    /// <param name="start">Where the first begins.</param>
    /// <param name="rings">How many there are.</param>
    /// <param name="slots">Slots of each: a power of two.</param>
    internal EventRings(byte* start, int rings, uint slots)
    {
        _mask = slots - 1;
        _sources = new Source[rings];
        for (int i = 0; i < rings; i++) _sources[i].Ring = (Ring*)(start + (nuint)ValueBytes(slots) * (uint)i);
    }

    private EventRings(MappedMemory memory, BpfMap map)
        : this(memory.Start, (int)map.MaxEntries, (uint)((map.ValueSize - sizeof(Ring)) / RingSlot.Bytes - RingSlot.Tail))
        => _memory = memory;

    /// <summary>Whether something was handed over that was not read.</summary>
    internal bool HasPending
    {
        get
        {
            foreach (ref Source source in _sources.AsSpan())
                if (Volatile.Read(ref source.Ring->Produced) != source.Position) return true;
            return false;
        }
    }

    /// <summary>Slots of each ring.</summary>
    internal uint Slots => (uint)_mask + 1;

    /// <summary>How full the fullest ring was when the look began, 0 to 1.</summary>
    internal double Fullest { get; private set; }

    /// <summary>Slots of each ring: a power of two.</summary>
    /// <param name="bytes">Of all rings together.</param>
    /// <param name="rings">How many there are.</param>
    internal static uint SlotsFor(int bytes, int rings)
    {
        const uint Fewest = 128; // more than what the kernel keeps free and the longest record
        uint slots = (uint)Math.Max(bytes / rings, Math.Min(bytes, LeastBytes)) / RingSlot.Bytes;
        return Math.Max(Fewest, BitOperations.RoundUpToPowerOf2(slots));
    }

    /// <summary>Bytes of a ring with so many slots: the size of a value of the map.</summary>
    internal static uint ValueBytes(uint slots) => (uint)sizeof(Ring) + (slots + RingSlot.Tail) * RingSlot.Bytes;

    /// <summary>Begins to read what is there now.</summary>
    /// <param name="untilNs">A moment a little before now, CLOCK_MONOTONIC. What is later is left for another look: something earlier may still come from another processor.</param>
    internal void Look(long untilNs)
    {
        _untilNs = untilNs;
        ulong most = 0;
        foreach (ref Source source in _sources.AsSpan())
        {
            source.Produced = Volatile.Read(ref source.Ring->Produced);
            most = Math.Max(most, source.Produced - source.Position);
            FindNext(ref source);
        }

        Fullest = (double)most / (_mask + 1);
        Choose();
    }

    /// <summary>Reads the next record. The span is valid until the next call.</summary>
    /// <returns>False where there is none before the end of the look, or the next one is still being written.</returns>
    internal bool TryRead(out ReadOnlySpan<byte> record)
    {
        if (_taken > 0) Leave(ref _sources[_current]);
        if (_sources[_current].NextNs > _othersNs) Choose();
        ref Source source = ref _sources[_current];
        if (!source.HasNext || source.NextNs > _untilNs)
        {
            record = default;
            return false;
        }

        RingSlot* slot = source.Slot(_mask);
        _taken = slot->Slots;
        record = new ReadOnlySpan<byte>(slot + 1, (int)_taken * RingSlot.Bytes - sizeof(RingSlot));
        return true;
    }

    /// <summary>Gives the space of all records read so far back to the kernel. Call it once per batch, not per record.</summary>
    internal void Release()
    {
        if (_taken > 0) Leave(ref _sources[_current]);
        foreach (ref Source source in _sources.AsSpan()) Volatile.Write(ref source.Ring->Consumed, source.Position);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory?.Dispose();

    private void Leave(ref Source source)
    {
        // What lies where another record may begin must not look like a complete one.
        RingSlot* slot = source.Slot(_mask);
        for (uint i = 1; i < _taken; i++) slot[i * (RingSlot.Bytes / sizeof(RingSlot))] = default;
        source.Position += _taken;
        _taken = 0;
        FindNext(ref source);
    }

    private void FindNext(ref Source source)
    {
        RingSlot* slot = source.Slot(_mask);
        if (source.Position == source.Produced)
        {
            source.HasNext = false;
            source.NextNs = long.MaxValue;
            return;
        }

        // Still being written: its time is not known, and nobody's later record may overtake it.
        source.HasNext = Volatile.Read(ref slot->Position) == (uint)source.Position + 1;
        if (source.HasNext) source.LastNs = Math.Max(source.LastNs, TimeOf((RingEvent*)(slot + 1)));
        source.NextNs = source.LastNs;
    }

    private static long TimeOf(RingEvent* record) => record->Kind == (byte)CallKind.Describe ? ((RingSocket*)record)->ToldNs : record->TimeNs + record->DurationNs;

    private void Choose()
    {
        _othersNs = long.MaxValue;
        long first = long.MaxValue;
        int chosen = 0;
        for (int i = 0; i < _sources.Length; i++)
        {
            long next = _sources[i].NextNs;
            if (next < first)
            {
                _othersNs = first;
                first = next;
                chosen = i;
            }
            else if (next < _othersNs)
            {
                _othersNs = next;
            }
        }

        _current = chosen;
    }

    /// <summary>One processor's ring as it is read.</summary>
    private struct Source
    {
        internal Ring* Ring;
        internal ulong Position, Produced; // in slots: what was read, what there was when the look began
        internal long NextNs; // of the next record, MaxValue where there is none; of the last where the next one is being written
        internal long LastNs;
        internal bool HasNext;

        internal readonly RingSlot* Slot(ulong mask) => (RingSlot*)((byte*)(Ring + 1) + (Position & mask) * RingSlot.Bytes);
    }
}
