using System.Runtime.InteropServices;

namespace VirtualServices.Linux.Bpf;

/// <summary>Consumer of a BPF ring buffer, mapped into this process: no copy, no allocation and no callback per record. One thread only.</summary>
/// <remarks>
/// Layout (kernel/bpf/ringbuf.c): a page with the consumer's position, which we write; a page with the producer's; then the data, mapped twice
/// in a row so that a record that wraps around is still contiguous. A record: 4 bytes length with busy and discard bits, 4 bytes page offset, the payload, padding to 8.
/// </remarks>
public sealed unsafe partial class RingBuffer : IDisposable
{
    private const uint BusyBit = 1u << 31;
    private const uint DiscardBit = 1u << 30;
    private const int HeaderBytes = 8;

    private readonly BpfMap _map;
    private readonly nuint _pageSize = (nuint)Environment.SystemPageSize;
    private readonly nuint _size;
    private readonly byte* _consumerPage;
    private readonly byte* _producerPage;
    private readonly byte* _data;
    private ulong _position;
    private bool _disposed;

    /// <summary>Maps the buffer. The map stays the caller's.</summary>
    public RingBuffer(BpfMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        const int ProtectRead = 1, ProtectWrite = 2, MapShared = 1;
        _map = map;
        _size = map.MaxEntries;
        _consumerPage = Map(_pageSize, ProtectRead | ProtectWrite, 0);
        _producerPage = Map(_pageSize + 2 * _size, ProtectRead, (nint)_pageSize);
        _data = _producerPage + _pageSize;
        _position = Volatile.Read(ref *(ulong*)_consumerPage);

        byte* Map(nuint length, int protection, nint offset)
        {
            nint address = LibBpf.mmap(0, length, protection, MapShared, map.Descriptor, offset);
            return address != -1 ? (byte*)address : throw new BpfException("map", map.Name, Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Bytes written but not yet released.</summary>
    public long PendingBytes => (long)(Volatile.Read(ref *(ulong*)_producerPage) - _position);

    /// <summary>Takes the next record. The span is valid until <see cref="Release"/>.</summary>
    /// <returns>False where there is none, or the next one is still being written.</returns>
    public bool TryRead(out ReadOnlySpan<byte> record)
    {
        ulong produced = Volatile.Read(ref *(ulong*)_producerPage);
        while (_position < produced)
        {
            byte* header = _data + (_position & (_size - 1));
            uint length = Volatile.Read(ref *(uint*)header);
            if ((length & BusyBit) != 0) break;
            uint payload = length & ~DiscardBit;
            _position += (payload + HeaderBytes + 7u) & ~7u;
            if ((length & DiscardBit) != 0) continue;
            record = new ReadOnlySpan<byte>(header + HeaderBytes, (int)payload);
            return true;
        }

        record = default;
        return false;
    }

    /// <summary>Gives the space of all records taken so far back to the producers. Call it once per batch, not per record.</summary>
    public void Release() => Volatile.Write(ref *(ulong*)_consumerPage, _position);

    /// <summary>Waits until a producer wakes us (submitted without BPF_RB_NO_WAKEUP) or the time is over.</summary>
    /// <param name="timeoutMilliseconds">-1 waits for ever.</param>
    /// <param name="signal">Ends the waiting, too, or null.</param>
    /// <returns>True where there may be something to read.</returns>
    public bool Wait(int timeoutMilliseconds, Signal? signal = null)
    {
        const short Readable = 1; // POLLIN
        PollEntry* entries = stackalloc PollEntry[2];
        entries[0] = new PollEntry { Descriptor = _map.Descriptor, Events = Readable };
        entries[1] = new PollEntry { Descriptor = signal?.Descriptor ?? -1, Events = Readable };
        return poll(entries, 2, timeoutMilliseconds) > 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _ = LibBpf.munmap((nint)_consumerPage, _pageSize);
        _ = LibBpf.munmap((nint)_producerPage, _pageSize + 2 * _size);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc")]
    private static partial int poll(PollEntry* entries, nuint count, int timeout);
}
