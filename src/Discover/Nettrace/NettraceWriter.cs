using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Nettrace;

/// <summary>Writes events as nettrace V6, block by block; a block that is written is readable whatever happens afterwards. No allocation per event. One thread only.</summary>
internal sealed class NettraceWriter : IDisposable
{
    private const int BlockBytes = 64 * 1024;
    private const int RecorderThread = 1;
    private const int MostHeaderBytes = 64, UsualPayload = 32;
    private const int MaximumThreads = 1 << 16;

    private readonly Stream _stream;
    private readonly string _fate;
    private readonly BlockBuffer _events = new(BlockKind.Event, BlockBytes + 8192);
    private readonly BlockBuffer _threads = new(BlockKind.Thread, 4096);
    private readonly Dictionary<(int Pid, int Tid), int> _threadIndexes = [];
    private (int Pid, int Tid) _lastThread; // that an event was of, with its index: mostly the next one's, too
    private int _lastThreadIndex;
    private readonly byte[] _payload = new byte[4096];
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
        long end = e.TimeNs + e.DurationNs;
        int length = Call(in e, end);
        if (e.Call is CallKind.Fork or CallKind.Wake)
        {
            length += Varint.Write(_payload.AsSpan(length), Varint.ZigZag(e.Child));
            length += Varint.Write(_payload.AsSpan(length), Varint.ZigZag(e.ChildPid));
        }
        else if (e.Call is CallKind.Receive)
        {
            length += Varint.Write(_payload.AsSpan(length), (uint)e.VirtualService);
        }

        int type = (int)e.Call;
        bool known = e.Request != 0;
        if (e.Call is CallKind.Receive or CallKind.Send && (e.HasPeer || known))
        {
            type = e.Call == CallKind.Receive ? (known ? EventSchema.ReceiveKnownId : EventSchema.ReceiveFromId) : known ? EventSchema.SendKnownId : EventSchema.SendToId;
            length += Varint.Write(_payload.AsSpan(length), e.PeerHigh);
            length += Varint.Write(_payload.AsSpan(length), e.PeerLow);
            length += Varint.Write(_payload.AsSpan(length), e.PeerPort);
            if (known) length += Varint.Write(_payload.AsSpan(length), e.Request);
        }

        Append(type, ThreadIndex(e.Pid, e.Tid), end, length);
        Events++;
    }

    /// <summary>Writes what is known of a socket, as the thread saw it at that time.</summary>
    internal void WriteDescription(in SessionEvent e, SocketDescription description)
    {
        int length = Call(in e, e.TimeNs);
        Span<byte> payload = _payload;
        length += Varint.Write(payload[length..], description.Inode);
        length += Varint.Write(payload[length..], description.PeerInode);
        length += Varint.Write(payload[length..], Varint.ZigZag(description.PeerPid));
        length += Varint.Write(payload[length..], description.NetworkNamespace);
        length += Varint.Write(payload[length..], (byte)description.Protocol);
        length += Varint.Write(payload[length..], (byte)description.Role);
        length += Text(payload[length..], description.Local.ToString());
        length += Text(payload[length..], description.Remote.ToString());
        length += Text(payload[length..], description.Connection);
        length += Text(payload[length..], description.Host);
        Append((int)CallKind.Describe, ThreadIndex(e.Pid, e.Tid), e.TimeNs, length);
        Events++;
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
        int length = Varint.Write(_payload, (ulong)Events);
        length += Varint.Write(_payload.AsSpan(length), (ulong)lost);
        Append(EventSchema.EndId, RecorderThread, _lastNs, length);
        Flush();
        Put(new BlockBuffer(BlockKind.EndOfStream, NettraceFormat.BlockHeaderBytes).Finish());
        _stream.Flush();
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private int Call(in SessionEvent e, long end)
    {
        // The file's times never go back, the ring's may by some microseconds: what was added is told here, so that nothing is lost.
        long stamp = Math.Max(end, _lastNs);
        Span<byte> payload = _payload;
        int length = Varint.Write(payload, (ulong)(stamp - e.TimeNs));
        length += Varint.Write(payload[length..], e.DurationNs);
        length += Varint.Write(payload[length..], e.CpuNs);
        length += Varint.Write(payload[length..], BitOperations.RotateLeft(e.Socket, 1));
        length += Varint.Write(payload[length..], Varint.ZigZag(e.Result));
        length += Varint.Write(payload[length..], Varint.ZigZag(e.Fd));
        return length;
    }

    private static int Text(Span<byte> target, string text)
    {
        const int MaximumCharacters = 256; // no address is longer: sun_path has 108 bytes; imports refuse longer names
        int length = Encoding.Unicode.GetBytes(text.AsSpan(0, Math.Min(text.Length, MaximumCharacters)), target);
        target[length] = 0;
        target[length + 1] = 0;
        return length + 2;
    }

    private void Append(int type, int thread, long timeNs, int payload)
    {
        if (_events.IsEmpty) BeginBlock(timeNs);
        long stamp = Math.Max(timeNs, _lastNs);
        _sequence++;

        Span<byte> target = _events.Room(MostHeaderBytes + Math.Max(payload, UsualPayload));
        int length = 1;
        EventFlags flags = 0;
        if (type != _previous.Type)
        {
            flags |= EventFlags.MetadataId;
            length += Varint.Write(target[length..], (uint)type);
        }

        if (_sequence != _previous.Sequence + 1 || !_previous.Captured)
        {
            flags |= EventFlags.CaptureThread;
            length += Varint.Write(target[length..], _sequence - 1 - _previous.Sequence);
            length += Varint.Write(target[length..], RecorderThread);
            target[length++] = 0; // processor
        }

        if (thread != _previous.Thread)
        {
            flags |= EventFlags.Thread;
            length += Varint.Write(target[length..], (uint)thread);
        }

        length += Varint.Write(target[length..], (ulong)(stamp - _previous.TimeNs));
        if (!_previous.Captured) flags |= EventFlags.Sorted;
        if (payload != _previous.Payload)
        {
            flags |= EventFlags.PayloadSize;
            length += Varint.Write(target[length..], (uint)payload);
        }

        target[0] = (byte)flags;
        // A length that is known is copied without a call.
        if (payload <= UsualPayload) _payload.AsSpan(0, UsualPayload).CopyTo(target.Slice(length, UsualPayload));
        else _payload.AsSpan(0, payload).CopyTo(target[length..]);
        _events.Take(length + payload);
        _previous = new Previous(type, _sequence, true, thread, stamp, payload);
        _lastNs = stamp;
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
    private readonly record struct Previous(int Type, uint Sequence, bool Captured, int Thread, long TimeNs, int Payload);
}
