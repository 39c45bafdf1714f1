using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VirtualServices.Linux.Bpf;

/// <summary>An array map made with <c>BPF_F_MMAPABLE</c>, mapped into this process: entries are read and written without a call. The kernel writes at the same time.</summary>
/// <typeparam name="T">The value; its size is a multiple of 8.</typeparam>
public sealed unsafe class MappedArray<T> : IDisposable
    where T : unmanaged
{
    private readonly nuint _length;
    private T* _entries;

    /// <summary>Maps the array. The map stays the caller's.</summary>
    /// <exception cref="BpfException">The map cannot be mapped.</exception>
    /// <exception cref="InvalidOperationException">Its values are of another size.</exception>
    public MappedArray(BpfMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.ValueSize != sizeof(T) || sizeof(T) % 8 != 0) throw new InvalidOperationException($"map {map.Name} has values of {map.ValueSize} bytes, not {sizeof(T)}");
        const int ProtectRead = 1, ProtectWrite = 2, MapShared = 1;
        nuint page = (nuint)Environment.SystemPageSize;
        Count = (int)map.MaxEntries;
        _length = ((nuint)sizeof(T) * map.MaxEntries + page - 1) / page * page;
        nint address = LibBpf.mmap(0, _length, ProtectRead | ProtectWrite, MapShared, map.Descriptor, 0);
        if (address == -1) throw new BpfException("map", map.Name, Marshal.GetLastPInvokeError());
        _entries = (T*)address;
    }

    /// <summary>Number of entries.</summary>
    public int Count { get; }

    /// <summary>An entry in place. A word may change between two reads of it.</summary>
    public ref T this[int index]
    {
        get
        {
            ObjectDisposedException.ThrowIf(_entries is null, this);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count);
            return ref Unsafe.AsRef<T>(_entries + index);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_entries is null) return;
        _ = LibBpf.munmap((nint)_entries, _length);
        _entries = null;
    }
}
