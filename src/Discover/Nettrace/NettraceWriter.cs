using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Nettrace;

/// <summary>Writes events as nettrace V6, block by block; a block that is written is readable whatever happens afterwards. No allocation per event. One thread only.</summary>
internal sealed class NettraceWriter : IDisposable
{
    private const int BlockBytes = 256 * 1024; // of a write: what the file system takes at once in larger pieces costs a third less than in 64 KB
    private const int RecorderThread = 1;
    private const int MostHeaderBytes = 64;
    private const int MaximumThreads = 1 << 16;

    private readonly Stream _stream;
    private readonly string _fate;
    private readonly BlockBuffer _events = new(BlockKind.Event, BlockBytes + 8192);
    private readonly BlockBuffer _threads = new(BlockKind.Thread, 4096);
    private readonly Dictionary<(int Pid, int Tid), int> _threadIndexes = [];
    private (int Pid, int Tid) _lastThread; // that an event was of, with its index: mostly the next one's, too
    private int _lastThreadIndex;
    private uint _sequence;
    private long _lastNs;
    private long _firstNsOfBlock;
    private Previous _previous;

    /// <summary>Writes the header; the stream is this writer's from now on.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="clock">Clock of the events.</param>
    /// <param name="fate">What becomes of the session where writing fails, and what helps, for the message.</param>
    internal NettraceWriter(Stream stream, SessionClock clock, string fate)
    {
        _stream = stream;
        _fate = fate;
        _lastNs = clock.StartNs;
        NettraceHeader.Write(stream, clock);
        Bytes = stream.Position;
        AddThread(RecorderThread, 0, 0, "recorder");
    }

    /// <summary>Events written, without the end record.</summary>
    internal long Events { get; private set; }

    /// <summary>Bytes handed to the stream, which is a file of our own from its beginning.</summary>
    internal long Bytes { get; private set; }

    /// <summary>Writes a call. For <see cref="CallKind.Describe"/> use <see cref="WriteDescription"/>.</summary>
    internal void Write(in SessionEvent e)
    {
        const int Most = 127; // of a payload: its length fits a byte
        long end = e.TimeNs + e.DurationNs;
        int type = (int)e.Call;
        bool known = e.Request != 0, named = e.Call is CallKind.Receive or CallKind.Send && (e.HasPeer || known);
        if (named) type = e.Call == CallKind.Receive ? (known ? EventSchema.ReceiveKnownId : EventSchema.ReceiveFromId) : known ? EventSchema.SendKnownId : EventSchema.SendToId;
        Cursor at = Begin(type, ThreadIndex(e.Pid, e.Tid), end, Most);
        int payload = at.Leave(1);
        Call(ref at, in e);
        if (e.Call is CallKind.Fork or CallKind.Wake)
        {
            at.Varuint(Varint.ZigZag(e.Child));
            at.Varuint(Varint.ZigZag(e.ChildPid));
        }
        else if (e.Call is CallKind.Receive)
        {
            at.Varuint((uint)e.VirtualService);
        }

        if (named)
        {
            at.Varuint(e.PeerHigh);
            at.Varuint(e.PeerLow);
            at.Varuint(e.PeerPort);
            if (known) at.Varuint(e.Request);
        }

        at.Set(payload, (byte)(at.Length - payload - 1));
        Events++;
        End(at.Length);
    }

    /// <summary>Writes what is known of a socket, as the thread saw it at that time.</summary>
    internal void WriteDescription(in SessionEvent e, SocketDescription description)
    {
        const int Most = 4096;
        Cursor at = Begin((int)CallKind.Describe, ThreadIndex(e.Pid, e.Tid), e.TimeNs, Most);
        int payload = at.Leave(2);
        Call(ref at, in e);
        at.Varuint(description.Inode);
        at.Varuint(description.PeerInode);
        at.Varuint(Varint.ZigZag(description.PeerPid));
        at.Varuint(description.NetworkNamespace);
        at.Varuint((byte)description.Protocol);
        at.Varuint((byte)description.Role);
        at.Text(description.Local.ToString());
        at.Text(description.Remote.ToString());
        at.Text(description.Connection);
        at.Text(description.Host);
        int length = at.Length - payload - 2;
        at.Set(payload, (byte)(length | 0x80)); // in two bytes, whether it needs them or not
        at.Set(payload + 1, (byte)(length >> 7));
        Events++;
        End(at.Length);
    }

    /// <summary>Notes that events were lost here: readers see the gap in the sequence numbers.</summary>
    internal void Lost(long events) => _sequence += (uint)events;

    /// <summary>Writes what is buffered.</summary>
    internal void Flush()
    {
        if (!_threads.IsEmpty)
        {
            Put(_threads.Finish());
            _threads.Clear();
        }

        if (_events.IsEmpty) return;
        BinaryPrimitives.WriteInt64LittleEndian(_events.At(4), _firstNsOfBlock);
        BinaryPrimitives.WriteInt64LittleEndian(_events.At(12), _lastNs);
        Put(_events.Finish());
        _events.Clear();
    }

    /// <summary>Writes the end record: a file without it was cut.</summary>
    internal void Complete(long lost)
    {
        const int Most = 2 * Varint.MaximumBytes;
        Cursor at = Begin(EventSchema.EndId, RecorderThread, _lastNs, Most);
        int payload = at.Leave(1);
        at.Varuint((ulong)Events);
        at.Varuint((ulong)lost);
        at.Set(payload, (byte)(at.Length - payload - 1));
        End(at.Length);
        Flush();
        Put(new BlockBuffer(BlockKind.EndOfStream, NettraceFormat.BlockHeaderBytes).Finish());
        _stream.Flush();
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Call(ref Cursor at, in SessionEvent e)
    {
        // The file's times never go back, the ring's may by some microseconds: what was added is told here, so that nothing is lost.
        at.Varuint((ulong)(_lastNs - e.TimeNs));
        at.Varuint(e.DurationNs);
        at.Varuint(e.CpuNs);
        at.Varuint(BitOperations.RotateLeft(e.Socket, 1));
        at.Varuint(Varint.ZigZag(e.Result));
        at.Varuint(Varint.ZigZag(e.Fd));
    }

    /// <summary>
    /// Begins an event in the block itself: all of its header but the length of the payload, which is told for each and comes last. The caller leaves room for it, and sets it when the payload is written. So nothing
    /// is written twice.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Cursor Begin(int type, int thread, long timeNs, int mostPayload)
    {
        if (_events.IsEmpty) BeginBlock(timeNs);
        long stamp = Math.Max(timeNs, _lastNs);
        _sequence++;
        Cursor at = new(_events.Room(MostHeaderBytes + mostPayload + Varint.MaximumBytes));
        int flagsPlace = at.Leave(1);
        EventFlags flags = EventFlags.PayloadSize;
        if (type != _previous.Type)
        {
            flags |= EventFlags.MetadataId;
            at.Varuint((uint)type);
        }

        if (_sequence != _previous.Sequence + 1 || !_previous.Captured)
        {
            flags |= EventFlags.CaptureThread;
            at.Varuint(_sequence - 1 - _previous.Sequence);
            at.Varuint(RecorderThread);
            at.Varuint(0); // processor
        }

        if (thread != _previous.Thread)
        {
            flags |= EventFlags.Thread;
            at.Varuint((uint)thread);
        }

        at.Varuint((ulong)(stamp - _previous.TimeNs));
        if (!_previous.Captured) flags |= EventFlags.Sorted;
        at.Set(flagsPlace, (byte)flags);
        _previous = new Previous(type, _sequence, true, thread, stamp);
        _lastNs = stamp;
        return at;
    }

    private void End(int length)
    {
        _events.Take(length);
        if (_events.Length >= BlockBytes) Flush();
    }

    private void BeginBlock(long timeNs)
    {
        _firstNsOfBlock = Math.Max(timeNs, _lastNs);
        _events.UInt16(NettraceFormat.EventBlockHeaderBytes);
        _events.UInt16((ushort)NettraceFormat.CompressedHeaders);
        _events.UInt64(0); // first and last time stamp: set at the end
        _events.UInt64(0);
        _previous = default;
    }

    private int ThreadIndex(int pid, int tid)
    {
        if (_lastThreadIndex != 0 && _lastThread.Tid == tid && _lastThread.Pid == pid) return _lastThreadIndex;
        if (!_threadIndexes.TryGetValue((pid, tid), out int index))
        {
            if (_threadIndexes.Count >= MaximumThreads) ForgetThreads();
            index = RecorderThread + 1 + _threadIndexes.Count;
            _threadIndexes.Add((pid, tid), index);
            AddThread(index, pid, tid, null);
        }

        (_lastThread, _lastThreadIndex) = ((pid, tid), index);
        return index;
    }

    /// <summary>A sequence point that empties the readers' table of threads, too: without it a host that forks all the time would fill any memory.</summary>
    private void ForgetThreads()
    {
        const uint FlushThreads = 1;
        Flush();
        BlockBuffer point = new(BlockKind.SequencePoint, 64);
        point.UInt64((ulong)_lastNs);
        point.UInt32(FlushThreads);
        point.UInt32(0);
        Put(point.Finish());
        _threadIndexes.Clear();
        AddThread(RecorderThread, 0, 0, "recorder");
    }

    private void AddThread(int index, int pid, int tid, string? name)
    {
        int row = _threads.BeginSized();
        _threads.Varuint((ulong)index);
        if (name is not null)
        {
            _threads.Byte((byte)ThreadInfo.Name);
            _threads.String(name);
        }

        _threads.Byte((byte)ThreadInfo.ProcessId);
        _threads.Varuint((uint)pid);
        _threads.Byte((byte)ThreadInfo.ThreadId);
        _threads.Varuint((uint)tid);
        _threads.EndSized(row);
    }

    private void Put(ReadOnlySpan<byte> block)
    {
        try
        {
            _stream.Write(block);
        }
        catch (Exception error) when (error is IOException or ArgumentOutOfRangeException) // the latter is what .NET makes of EFBIG, a limit of the size of files
        {
            throw new VsException(ExitCode.HostLacks, $"cannot write the session's events: {error.Message.TrimEnd('.')}. {_fate}", error);
        }

        Bytes += block.Length;
    }

    /// <summary>Fields of the event before, which the next one need not repeat.</summary>
    private readonly record struct Previous(int Type, uint Sequence, bool Captured, int Thread, long TimeNs);
}
