using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VirtualServices.Linux.Bpf;

/// <summary>A BPF map by descriptor. Key and value structs are checked against the map's sizes at each use.</summary>
public sealed unsafe partial class BpfMap : IDisposable
{
    private const int NotFound = 2; // ENOENT
    private readonly SafeFileHandle _fd;

    private BpfMap(SafeFileHandle fd, string name)
    {
        _fd = fd;
        Name = name;
        LibBpf.MapInfo info = default;
        uint length = (uint)sizeof(LibBpf.MapInfo);
        int result = LibBpf.bpf_obj_get_info_by_fd(Descriptor, &info, &length);
        if (result < 0) throw new BpfException("inspect", name, -result);
        KeySize = (int)info.KeySize;
        ValueSize = (int)info.ValueSize;
        MaxEntries = info.MaxEntries;
    }

    /// <summary>Name for messages.</summary>
    public string Name { get; }

    /// <summary>Bytes of a key.</summary>
    public int KeySize { get; }

    /// <summary>Bytes of a value (of one CPU, for per-CPU maps, rounded up to 8 by the kernel).</summary>
    public int ValueSize { get; }

    /// <summary>Capacity; bytes for a ring buffer.</summary>
    public uint MaxEntries { get; }

    internal int Descriptor => (int)_fd.DangerousGetHandle();

    /// <summary>Opens a pinned map.</summary>
    /// <exception cref="BpfException">There is none at the path.</exception>
    public static BpfMap FromPin(string path)
    {
        int fd = LibBpf.bpf_obj_get(path);
        if (fd < 0) throw new BpfException("open pinned map", path, -fd);
        return new BpfMap(new SafeFileHandle(fd, ownsHandle: true), Path.GetFileName(path));
    }

    /// <summary>Makes a ring buffer that stands in no object file.</summary>
    /// <param name="name">At most 15 letters, digits and underscores.</param>
    /// <param name="bytes">A power of two, whole pages.</param>
    public static BpfMap CreateRing(string name, uint bytes)
    {
        const int RingBuffer = 27; // BPF_MAP_TYPE_RINGBUF
        int fd = LibBpf.bpf_map_create(RingBuffer, name, 0, 0, bytes, 0);
        if (fd < 0) throw new BpfException("create", name, -fd);
        return new BpfMap(new SafeFileHandle(fd, ownsHandle: true), name);
    }

    /// <summary>Puts a map into this array of maps.</summary>
    public void SetInner(uint key, BpfMap inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        Update(key, inner.Descriptor);
    }

    /// <summary>A map of this array of maps.</summary>
    /// <returns>Null where there is none.</returns>
    public BpfMap? Inner(uint key)
    {
        if (!TryLookup(key, out uint id)) return null;
        int fd = LibBpf.bpf_map_get_fd_by_id(id);
        if (fd < 0) throw new BpfException("open inner map", $"{Name}[{key}]", -fd);
        return new BpfMap(new SafeFileHandle(fd, ownsHandle: true), Name);
    }

    /// <summary>Pins the map: it outlives this process until the pin is removed.</summary>
    public void Pin(string path)
    {
        int result = LibBpf.bpf_obj_pin(Descriptor, path);
        if (result < 0) throw new BpfException("pin", $"{Name} at {path}", -result);
    }

    /// <summary>Looks a key up.</summary>
    /// <returns>False where there is no such key.</returns>
    public bool TryLookup<TKey, TValue>(in TKey key, out TValue value)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        CheckSizes(sizeof(TKey), sizeof(TValue));
        fixed (TKey* k = &key)
        fixed (TValue* v = &value)
            return Found(LibBpf.bpf_map_lookup_elem(Descriptor, k, v), "look up in");
    }

    /// <summary>Looks up the values of all CPUs of a per-CPU map.</summary>
    /// <param name="key">The key.</param>
    /// <param name="values">One per possible CPU (<see cref="PossibleCpus"/>).</param>
    public bool TryLookupPerCpu<TKey, TValue>(in TKey key, Span<TValue> values)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        if (values.Length != PossibleCpus || sizeof(TValue) % 8 != 0) throw new ArgumentException($"{Name} has a value of whole 8 bytes for each of {PossibleCpus} CPUs");
        CheckSizes(sizeof(TKey), sizeof(TValue));
        fixed (TKey* k = &key)
        fixed (TValue* v = values)
            return Found(LibBpf.bpf_map_lookup_elem(Descriptor, k, v), "look up in");
    }

    /// <summary>Reads the first entries of a per-CPU array, all with one system call.</summary>
    /// <param name="keys">Room for as many keys as are to be read; at most what the map holds.</param>
    /// <param name="values">For each entry one per possible CPU (<see cref="PossibleCpus"/>).</param>
    /// <exception cref="BpfException">The kernel refused it.</exception>
    public void ReadPerCpuArray<TValue>(Span<uint> keys, Span<TValue> values)
        where TValue : unmanaged
    {
        if (values.Length != keys.Length * PossibleCpus || sizeof(TValue) % 8 != 0) throw new ArgumentException($"{Name} has a value of whole 8 bytes for each of {PossibleCpus} CPUs");
        CheckSizes(sizeof(uint), sizeof(TValue));
        uint count = (uint)keys.Length, next;
        fixed (uint* k = keys)
        fixed (TValue* v = values)
        {
            int result = LibBpf.bpf_map_lookup_batch(Descriptor, null, &next, k, v, &count, null);
            if (result < 0) throw new BpfException("read", Name, -result);
        }

        if (count != keys.Length) throw new InvalidOperationException($"{Name} gave {count} entries of {keys.Length}");
    }

    /// <summary>Adds or replaces an entry.</summary>
    public void Update<TKey, TValue>(in TKey key, in TValue value)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        CheckSizes(sizeof(TKey), sizeof(TValue));
        fixed (TKey* k = &key)
        fixed (TValue* v = &value)
        {
            int result = LibBpf.bpf_map_update_elem(Descriptor, k, v, 0);
            if (result < 0) throw new BpfException("update", Name, -result);
        }
    }

    /// <summary>Removes an entry.</summary>
    /// <returns>False where there was none.</returns>
    public bool Delete<TKey>(in TKey key)
        where TKey : unmanaged
    {
        CheckSizes(sizeof(TKey), ValueSize);
        fixed (TKey* k = &key)
            return Found(LibBpf.bpf_map_delete_elem(Descriptor, k), "delete from");
    }

    /// <summary>All keys at this moment. Entries that come or go meanwhile may be missed.</summary>
    public List<TKey> Keys<TKey>()
        where TKey : unmanaged
    {
        CheckSizes(sizeof(TKey), ValueSize);
        List<TKey> keys = [];
        TKey current = default;
        TKey next;
        bool first = true;
        while (Found(LibBpf.bpf_map_get_next_key(Descriptor, first ? null : &current, &next), "iterate over"))
        {
            keys.Add(next);
            current = next;
            first = false;
            // The kernel restarts from the beginning when the current key was deleted: never loop for ever on a busy map.
            if (keys.Count > MaxEntries * 2L) break;
        }

        return keys;
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    /// <summary>CPUs for which per-CPU maps hold a value.</summary>
    public static int PossibleCpus { get; } = LibBpf.libbpf_num_possible_cpus();

    internal static BpfMap Duplicate(int fd, string name)
    {
        const int DuplicateCloseOnExec = 1030; // F_DUPFD_CLOEXEC
        int copy = fcntl(fd, DuplicateCloseOnExec, 0);
        if (copy < 0) throw new BpfException("duplicate", name, Marshal.GetLastPInvokeError());
        return new BpfMap(new SafeFileHandle(copy, ownsHandle: true), name);
    }

    private void CheckSizes(int key, int value)
    {
        if (key != KeySize || value != ValueSize)
            throw new InvalidOperationException($"map {Name} has keys of {KeySize} and values of {ValueSize} bytes, not {key} and {value}");
    }

    private bool Found(int result, string operation)
    {
        if (result == -NotFound) return false;
        return result < 0 ? throw new BpfException(operation, Name, -result) : true;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, int argument);
}
