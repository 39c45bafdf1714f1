using System.Runtime.InteropServices;

namespace VirtualServices.Linux.Bpf;

/// <summary>The functions of libbpf 1.x that are used. Pointers are null, and integers negative errnos, on failure (libbpf's strict mode).</summary>
internal static unsafe partial class LibBpf
{
    private const string Library = "libbpf.so.1";

    [LibraryImport(Library)]
    internal static partial nint libbpf_set_print(delegate* unmanaged<int, byte*, nint, int> print);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint bpf_object__open_mem(byte* buffer, nuint size, OpenOptions* options);

    [LibraryImport(Library)]
    internal static partial int bpf_object__load(nint obj);

    [LibraryImport(Library)]
    internal static partial void bpf_object__close(nint obj);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint bpf_object__find_map_by_name(nint obj, string name);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint bpf_object__find_program_by_name(nint obj, string name);

    [LibraryImport(Library)]
    internal static partial nint bpf_object__next_program(nint obj, nint previous);

    [LibraryImport(Library)]
    internal static partial nint bpf_object__next_map(nint obj, nint previous);

    [LibraryImport(Library)]
    internal static partial nint bpf_program__name(nint program);

    [LibraryImport(Library)]
    internal static partial int bpf_program__set_autoload(nint program, [MarshalAs(UnmanagedType.I1)] bool autoload);

    [LibraryImport(Library)]
    internal static partial int bpf_program__fd(nint program);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint bpf_program__attach(nint program);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint bpf_program__attach_cgroup(nint program, int cgroupFd);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint bpf_program__attach_iter(nint program, IteratorOptions* options);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bpf_link__pin(nint link, string path);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    internal static partial nint bpf_link__open(string path);

    [LibraryImport(Library)]
    internal static partial int bpf_link__fd(nint link);

    [LibraryImport(Library)]
    internal static partial int bpf_link__destroy(nint link);

    [LibraryImport(Library)]
    internal static partial int bpf_map__fd(nint map);

    [LibraryImport(Library)]
    internal static partial nint bpf_map__name(nint map);

    [LibraryImport(Library)]
    internal static partial byte* bpf_map__initial_value(nint map, nuint* size);

    [LibraryImport(Library)]
    internal static partial int bpf_map__set_max_entries(nint map, uint entries);

    [LibraryImport(Library)]
    internal static partial int bpf_map__set_value_size(nint map, uint bytes);

    [LibraryImport(Library)]
    internal static partial int bpf_map__reuse_fd(nint map, int fd);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bpf_map_create(int type, string name, uint keySize, uint valueSize, uint maxEntries, nint options);

    [LibraryImport(Library)]
    internal static partial int bpf_map_get_fd_by_id(uint id);

    [LibraryImport(Library)]
    internal static partial int bpf_map_lookup_elem(int fd, void* key, void* value);

    [LibraryImport(Library)]
    internal static partial int bpf_map_update_elem(int fd, void* key, void* value, ulong flags);

    [LibraryImport(Library)]
    internal static partial int bpf_map_lookup_batch(int fd, void* from, void* next, void* keys, void* values, uint* count, void* options);

    [LibraryImport(Library)]
    internal static partial int bpf_map_delete_elem(int fd, void* key);

    [LibraryImport(Library)]
    internal static partial int bpf_map_get_next_key(int fd, void* key, void* nextKey);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bpf_obj_get(string path);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bpf_obj_pin(int fd, string path);

    [LibraryImport(Library)]
    internal static partial int bpf_obj_get_info_by_fd(int fd, void* info, uint* length);

    [LibraryImport(Library)]
    internal static partial int bpf_iter_create(int linkFd);

    [LibraryImport(Library)]
    internal static partial int bpf_prog_test_run_opts(int programFd, TestRunOptions* options);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bpf_raw_tracepoint_open(nint name, int programFd);

    [LibraryImport(Library)]
    internal static partial int bpf_enable_stats(int type);

    [LibraryImport(Library)]
    internal static partial int bpf_prog_get_fd_by_id(uint id);

    [LibraryImport(Library)]
    internal static partial int libbpf_num_possible_cpus();

    // Here because a generic class cannot import it.
    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc")]
    internal static partial int munmap(nint address, nuint length);

    /// <summary><c>struct bpf_object_open_opts</c> up to the object's name; libbpf reads as much as <c>Size</c> says.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct OpenOptions
    {
        public nuint Size;
        public nint ObjectName;
    }

    /// <summary><c>struct bpf_iter_attach_opts</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct IteratorOptions
    {
        public nuint Size;
        public TaskIteratorInfo* Info;
        public uint InfoLength;
    }

    /// <summary>Member <c>task</c> of <c>union bpf_iter_link_info</c> (Linux 6.1), with the padding that makes it as large as the union.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct TaskIteratorInfo
    {
        public uint ThreadId;
        public uint ProcessId;
        public uint ProcessDescriptor;
        public uint Pad;
    }

    /// <summary><c>struct bpf_test_run_opts</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct TestRunOptions
    {
        public nuint Size;
        public nint DataIn;
        public nint DataOut;
        public uint DataSizeIn;
        public uint DataSizeOut;
        public nint ContextIn;
        public nint ContextOut;
        public uint ContextSizeIn;
        public uint ContextSizeOut;
        public uint ReturnValue;
        public int Repeat;
        public uint Duration;
        public uint Flags;
        public uint Cpu;
        public uint BatchSize;
    }

    /// <summary>Beginning of <c>struct bpf_map_info</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MapInfo
    {
        public uint Type;
        public uint Id;
        public uint KeySize;
        public uint ValueSize;
        public uint MaxEntries;
        public uint Flags;
        public fixed byte Name[16];
    }
}
