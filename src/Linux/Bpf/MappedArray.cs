using System.Runtime.CompilerServices;

namespace VirtualServices.Linux.Bpf;

/// <summary>An array map made with <c>BPF_F_MMAPABLE</c>, mapped into this process: entries are read and written without a call. The kernel writes at the same time.</summary>
/// <typeparam name="T">The value; its size is a multiple of 8.</typeparam>
public sealed unsafe class MappedArray<T> : IDisposable
    where T : unmanaged
{
    private readonly MappedMemory _memory;

    /// <summary>Maps the array. The map stays the caller's.</summary>
    /// <exception cref="BpfException">The map cannot be mapped.</exception>
    /// <exception cref="InvalidOperationException">Its values are of another size.</exception>
    public MappedArray(BpfMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.ValueSize != sizeof(T)) throw new InvalidOperationException($"map {map.Name} has values of {map.ValueSize} bytes, not {sizeof(T)}");
        Count = (int)map.MaxEntries;
        _memory = new MappedMemory(map);
    }

    /// <summary>Number of entries.</summary>
    public int Count { get; }

    /// <summary>An entry in place. A word may change between two reads of it.</summary>
    public ref T this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count);
            return ref Unsafe.AsRef<T>((T*)_memory.Start + index);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
