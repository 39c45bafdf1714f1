using System.Runtime.InteropServices;

namespace VirtualServices.Linux.Bpf;

/// <summary>The memory of an array map made with <c>BPF_F_MMAPABLE</c>, mapped into this process: read and written without a call, while the kernel does the same.</summary>
public sealed unsafe class MappedMemory : IDisposable
{
    private readonly nuint _length;
    private byte* _start;

    /// <summary>Maps all values, one after the other. The map stays the caller's.</summary>
    /// <exception cref="BpfException">The map cannot be mapped.</exception>
    /// <exception cref="InvalidOperationException">Its values are no multiple of 8 bytes: the kernel would leave gaps.</exception>
    public MappedMemory(BpfMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.ValueSize % 8 != 0) throw new InvalidOperationException($"map {map.Name} has values of {map.ValueSize} bytes, no multiple of 8");
        const int ProtectRead = 1, ProtectWrite = 2, MapShared = 1;
        nuint page = (nuint)Environment.SystemPageSize;
        _length = ((nuint)map.ValueSize * map.MaxEntries + page - 1) / page * page;
        nint address = LibBpf.mmap(0, _length, ProtectRead | ProtectWrite, MapShared, map.Descriptor, 0);
        if (address == -1) throw new BpfException("map", map.Name, Marshal.GetLastPInvokeError());
        _start = (byte*)address;
    }

    /// <summary>Where the first value begins.</summary>
    /// <exception cref="ObjectDisposedException">It is mapped no more.</exception>
    public byte* Start
    {
        get
        {
            ObjectDisposedException.ThrowIf(_start is null, this);
            return _start;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_start is null) return;
        _ = LibBpf.munmap((nint)_start, _length);
        _start = null;
    }
}
