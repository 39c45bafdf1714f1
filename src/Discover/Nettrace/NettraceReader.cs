using System.Numerics;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Nettrace;

/// <summary>Reads the events that <see cref="NettraceWriter"/> wrote, in the order of the file, one block in memory at a time.</summary>
internal sealed class NettraceReader : IDisposable
{
    // More than any recording makes between two sequence points, or in all: a file beyond is not ours.
    private const int MaximumThreads = 1 << 20;
    private const int MaximumTypes = 1 << 12;

    private readonly BlockReader _blocks;
    private readonly Dictionary<uint, int> _types = [];
    private (int Pid, int Tid)[] _threads = []; // by their index, which vs record gives one after another; a thread id of -1 is no thread
    private int _threadsKnown;
    private readonly (uint Id, int Type)[] _lastTypes = new (uint, int)[32]; // those seen last: nearly every event's, without a look into the table
    private readonly RecentDescriptions _descriptions = new();
    private readonly RecentEndpoints _endpoints = new();
    private int _position;
    private bool _inEvents;
    private EventHeader _header;
    private uint _sequence;

    internal NettraceReader(Stream stream, string path) => _blocks = new BlockReader(stream, path);

    /// <summary>Descriptions read so far; only the latest are kept.</summary>
    internal IReadOnlyList<SocketDescription> Descriptions => _descriptions;

    /// <summary>True once the end record was read.</summary>
    internal bool Complete { get; private set; }

    /// <summary>Gaps in the sequence numbers: events that the recorder knows it lost.</summary>
    internal long Lost { get; private set; }

    /// <summary>Reads the next event of the file.</summary>
    /// <returns>False at its end or cut.</returns>
    internal bool TryRead(out SessionEvent e)
    {
        try
        {
            while (true)
            {
                if (!_inEvents)
                {
                    if (TryNextBlock()) continue;
                    e = default;
                    return false;
                }

                Fields fields = new(_blocks.Contents, _position);
                while (!fields.AtEnd)
                {
                    bool found = TryReadEvent(ref fields, out e);
                    _position = fields.Position;
                    if (found) return true;
                }

                _inEvents = false;
            }
        }
        catch (FieldException error)
        {
            throw _blocks.Bad(error.Position, error.Message);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _blocks.Dispose();

    private bool TryNextBlock()
    {
        if (Complete || !_blocks.TryNext(out BlockKind kind)) return false;
        Fields fields = new(_blocks.Contents);
        switch (kind)
        {
            case BlockKind.Trace:
                ReadTrace(ref fields);
                break;
            case BlockKind.Metadata:
                ReadMetadata(ref fields);
                break;
            case BlockKind.Thread:
                ReadThreads(ref fields);
                break;
            case BlockKind.SequencePoint:
                ReadSequencePoint(ref fields);
                break;
            case BlockKind.Event:
                BeginEvents(ref fields);
                break;
        }

        return true;
    }

    private static void ReadTrace(ref Fields fields)
    {
        const int Start = 16 + 8;
        fields.Take(Start);
        int frequency = fields.Position;
        if (fields.UInt64() != 1_000_000_000) throw new FieldException(frequency, "expected times in nanoseconds (1,000,000,000 ticks a second)");
        fields.UInt32();
        uint pairs = fields.UInt32();
        for (uint i = 0; i < pairs; i++)
        {
            string key = fields.String();
            int at = fields.Position;
            string value = fields.String();
            if (key == EventSchema.VersionKey && value != SessionInfo.CurrentFormatVersion.ToString(System.Globalization.CultureInfo.InvariantCulture))
                throw new FieldException(at, $"expected session format version {SessionInfo.CurrentFormatVersion}, this file has {value}");
        }
    }

    private void ReadMetadata(ref Fields fields)
    {
        Array.Clear(_lastTypes);
        fields.Take(fields.UInt16());
        while (!fields.AtEnd)
        {
            Fields row = fields.Part(fields.UInt16());
            int at = row.Position;
            uint id = row.Varuint32();
            string provider = row.String();
            uint number = row.Varuint32();
            if (provider != EventSchema.Provider) continue;
            if (_types.Count >= MaximumTypes) throw new FieldException(at, $"expected at most {MaximumTypes} types of events");
            _types[id] = number <= EventSchema.EndId ? (int)number : 0;
        }
    }

    private void ReadThreads(ref Fields fields)
    {
        while (!fields.AtEnd)
        {
            Fields row = fields.Part(fields.UInt16());
            int at = row.Position;
            ulong index = row.Varuint();
            ulong process = 0, thread = 0;
            while (!row.AtEnd)
            {
                switch ((ThreadInfo)row.Byte())
                {
                    case ThreadInfo.Name:
                        row.String();
                        break;
                    case ThreadInfo.ProcessId:
                        process = row.Varuint();
                        break;
                    case ThreadInfo.ThreadId:
                        thread = row.Varuint();
                        break;
                    case ThreadInfo.KeyValue:
                        row.String();
                        row.String();
                        break;
                    default:
                        throw new FieldException(row.Position - 1, "expected a kind of thread information from 1 to 4");
                }
            }

            if (process > int.MaxValue || thread > int.MaxValue) throw new FieldException(at, "expected process and thread ids below 2^31");
            AddThread(index, (int)process, (int)thread, at);
        }
    }

    private void ReadSequencePoint(ref Fields fields)
    {
        const uint FlushThreads = 1;
        fields.UInt64();
        if ((fields.UInt32() & FlushThreads) != 0) _threadsKnown = 0;
    }

    private void BeginEvents(ref Fields fields)
    {
        int at = fields.Position;
        int header = fields.UInt16();
        if (header < NettraceFormat.EventBlockHeaderBytes) throw new FieldException(at, $"expected a header of at least {NettraceFormat.EventBlockHeaderBytes} bytes");
        if ((fields.UInt16() & NettraceFormat.CompressedHeaders) == 0) throw new FieldException(at + 2, "expected events with compressed headers, as vs record writes them");
        fields.Take(header - 4);
        _header = default;
        _position = fields.Position;
        _inEvents = true;
    }

    private bool TryReadEvent(ref Fields fields, out SessionEvent e)
    {
        e = default;
        int at = fields.Position;
        _header.Read(ref fields);
        CountLost();
        if (_header.Payload > (uint)fields.Left) throw new FieldException(at, $"expected a payload of {_header.Payload} bytes, the block has {fields.Left}");
        Fields payload = fields.Part((int)_header.Payload);
        int type = TypeOf(_header.Type, at);
        if (type == EventSchema.EndId) Complete = true;
        if (EventSchema.CallOf(type) is not { } call) return false;
        e.Call = call;
        (e.Pid, e.Tid) = ThreadOf(_header.Thread, at);
        ReadCall(ref payload, ref e);
        if (e.Call is CallKind.Fork or CallKind.Wake)
        {
            e.Child = payload.Varint32();
            e.ChildPid = payload.Varint32();
        }
        else if (e.Call is CallKind.Receive)
        {
            if (!payload.AtEnd) e.VirtualService = unchecked((int)payload.Varuint32());
            if (type is EventSchema.ReceiveFromId or EventSchema.ReceiveKnownId) ReadPeer(ref payload, ref e);
        }
        else if (type is EventSchema.SendToId or EventSchema.SendKnownId)
        {
            ReadPeer(ref payload, ref e);
        }
        else if (e.Call is CallKind.Describe)
        {
            if (_descriptions.Count == int.MaxValue) throw new FieldException(at, "expected fewer than 2^31 descriptions of sockets");
            e.Child = _descriptions.Count;
            _descriptions.Add(ReadDescription(ref payload, e.Socket));
        }

        if (type is EventSchema.ReceiveKnownId or EventSchema.SendKnownId) e.Request = payload.Varuint();

        return true;
    }

    private int TypeOf(uint id, int at)
    {
        ref (uint Id, int Type) known = ref _lastTypes[id % (uint)_lastTypes.Length];
        if (known.Id == id && known.Type != 0) return known.Type;
        if (!_types.TryGetValue(id, out int type)) throw new FieldException(at, $"expected an event type that the file describes, not {id}");
        known = (id, type);
        return type;
    }

    private (int Pid, int Tid) ThreadOf(ulong index, int at)
    {
        (int Pid, int Tid)[] threads = _threads;
        if (index < (ulong)_threadsKnown && threads[index].Tid >= 0) return threads[index];
        throw new FieldException(at, $"expected a thread that the file describes, not {index}");
    }

    private void AddThread(ulong index, int pid, int tid, int at)
    {
        if (index >= MaximumThreads) throw new FieldException(at, $"expected at most {MaximumThreads} threads at a time");
        int known = (int)index + 1;
        if (known > _threads.Length) Array.Resize(ref _threads, Math.Max(known, Math.Min(2 * _threads.Length, MaximumThreads)));
        if (known > _threadsKnown)
        {
            Array.Fill(_threads, (0, -1), _threadsKnown, known - _threadsKnown);
            _threadsKnown = known;
        }

        _threads[index] = (pid, tid);
    }

    /// <summary>Numbers go on from block to block; what is missing between two was lost when it was recorded.</summary>
    private void CountLost()
    {
        uint gap = _header.Sequence - _sequence - 1;
        if (gap <= int.MaxValue) Lost += gap;
        _sequence = _header.Sequence;
    }

    private void ReadCall(ref Fields payload, ref SessionEvent e)
    {
        int at = payload.Position;
        ulong since = payload.Varuint();
        e.TimeNs = unchecked((long)(_header.TimeNs - since));
        e.DurationNs = payload.Varuint32();
        if (_header.TimeNs > long.MaxValue || since > long.MaxValue || e.TimeNs < 0 || e.DurationNs > since) throw new FieldException(at, "expected a call that begins before it ends");
        e.CpuNs = payload.Varuint();
        e.Socket = BitOperations.RotateRight(payload.Varuint(), 1);
        e.Result = payload.Varint32();
        e.Fd = payload.Varint32();
    }

    private static void ReadPeer(ref Fields payload, ref SessionEvent e)
    {
        e.PeerHigh = payload.Varuint();
        e.PeerLow = payload.Varuint();
        int at = payload.Position;
        uint port = payload.Varuint32();
        if (port > ushort.MaxValue) throw new FieldException(at, "expected a port of at most 65535");
        e.PeerPort = (ushort)port;
    }

    private SocketDescription ReadDescription(ref Fields payload, ulong id)
    {
        ulong inode = payload.Varuint();
        ulong peerInode = payload.Varuint();
        int peerPid = payload.Varint32();
        uint network = payload.Varuint32();
        int at = payload.Position;
        uint protocol = payload.Varuint32();
        uint role = payload.Varuint32();
        if (protocol > (uint)TransportProtocol.Eventfd || role > (uint)SocketRole.Listener) throw new FieldException(at, "expected a known protocol and role");
        Endpoint local = ReadEnd(ref payload);
        Endpoint remote = ReadEnd(ref payload);
        string connection = payload.AtEnd ? "" : payload.Utf16Text();
        string host = payload.AtEnd ? "" : payload.Utf16Text();
        return new SocketDescription(id, inode, (TransportProtocol)protocol, (SocketRole)role, local, remote, peerInode, peerPid, network, connection, host);
    }

    private Endpoint ReadEnd(ref Fields payload)
    {
        int at = payload.Position;
        ReadOnlySpan<char> text = payload.Utf16();
        return _endpoints.TryParse(text, out Endpoint end) ? end : throw new FieldException(at, $"expected an address such as 10.0.0.1:80 or /run/x.sock, not '{text}'");
    }
}
