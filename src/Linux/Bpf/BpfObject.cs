using System.Runtime.InteropServices;

namespace VirtualServices.Linux.Bpf;

/// <summary>A BPF object file: opened, configured, loaded. Disposing it frees programs and maps that are neither attached nor pinned nor held elsewhere.</summary>
public sealed unsafe class BpfObject : SafeHandle
{
    private readonly string _name;

    private BpfObject(nint handle, string name)
        : base(0, ownsHandle: true)
    {
        SetHandle(handle);
        _name = name;
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Opens an object from memory; nothing is loaded into the kernel yet.</summary>
    /// <param name="image">The ELF file as clang wrote it.</param>
    /// <param name="name">Name for messages and for the kernel's lists.</param>
    /// <exception cref="BpfException">It is no BPF object.</exception>
    public static BpfObject Open(ReadOnlySpan<byte> image, string name)
    {
        nint text = Marshal.StringToCoTaskMemUTF8(name);
        try
        {
            LibBpf.OpenOptions options = new() { Size = (nuint)sizeof(LibBpf.OpenOptions), ObjectName = text };
            fixed (byte* bytes = image)
            {
                nint handle = LibBpf.bpf_object__open_mem(bytes, (nuint)image.Length, &options);
                if (handle == 0) throw new BpfException("open", name, Marshal.GetLastPInvokeError());
                return new BpfObject(handle, name);
            }
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    /// <summary>Writes the configuration that the object has at the start of a data section (<c>.rodata</c>, <c>.data</c>); before <see cref="Load"/>.</summary>
    /// <typeparam name="T">A struct with the layout of the C struct.</typeparam>
    /// <exception cref="InvalidOperationException">The section is absent or shorter than the struct.</exception>
    public void SetInitialValue<T>(string section, in T value)
        where T : unmanaged
    {
        // The section's map is named after the object (cut) and the section, but can be looked up by the section's name.
        nint map = LibBpf.bpf_object__find_map_by_name(handle, section);
        nuint size = 0;
        byte* memory = map == 0 ? null : LibBpf.bpf_map__initial_value(map, &size);
        if (memory is null || size < (nuint)sizeof(T)) throw new InvalidOperationException($"section {section} of {_name} holds {size} bytes, not a {typeof(T).Name} of {sizeof(T)}");
        *(T*)memory = value;
    }

    /// <summary>Sets the size of a map before <see cref="Load"/>.</summary>
    public void SetMaxEntries(string map, uint entries) => Check(LibBpf.bpf_map__set_max_entries(FindMap(map), entries), "resize", map);

    /// <summary>Sets the size of a map's values before <see cref="Load"/>.</summary>
    public void SetValueSize(string map, uint bytes) => Check(LibBpf.bpf_map__set_value_size(FindMap(map), bytes), "resize the values of", map);

    /// <summary>Makes a map of the object the same as one that exists already; before <see cref="Load"/>.</summary>
    public void ReuseMap(string map, BpfMap existing)
    {
        ArgumentNullException.ThrowIfNull(existing);
        Check(LibBpf.bpf_map__reuse_fd(FindMap(map), existing.Descriptor), "reuse", map);
    }

    /// <summary>Leaves a program out of <see cref="Load"/>.</summary>
    public void SkipProgram(string program) => Check(LibBpf.bpf_program__set_autoload(FindProgram(program), false), "skip", program);

    /// <summary>Loads maps and programs into the kernel, where the verifier checks them.</summary>
    /// <exception cref="BpfException">The kernel refused; its log is in the exception.</exception>
    public void Load() => Check(LibBpf.bpf_object__load(handle), "load", _name);

    /// <summary>A map of the loaded object; it stays valid after the object is disposed.</summary>
    public BpfMap Map(string name) => BpfMap.Duplicate(LibBpf.bpf_map__fd(FindMap(name)), name);

    /// <summary>A program of the loaded object; it stays valid after the object is disposed.</summary>
    public BpfProgram Program(string name) => new(LibBpf.bpf_program__fd(FindProgram(name)), $"{_name}/{name}");

    /// <summary>Attaches a program as its section says.</summary>
    public BpfLink Attach(string program)
    {
        nint link = LibBpf.bpf_program__attach(FindProgram(program));
        return link == 0 ? throw new BpfException("attach", $"{_name}/{program}", Marshal.GetLastPInvokeError()) : new BpfLink(link, program);
    }

    /// <summary>Attaches a program of a cgroup hook to a group of the unified hierarchy and all below it.</summary>
    /// <param name="program">Its name.</param>
    /// <param name="folder">Folder of the group.</param>
    public BpfLink AttachCgroup(string program, string folder)
    {
        const int CloseOnExec = 0x80000; // O_CLOEXEC
        int descriptor = LibBpf.open(folder, CloseOnExec);
        if (descriptor < 0) throw new BpfException("open", folder, Marshal.GetLastPInvokeError());
        using Microsoft.Win32.SafeHandles.SafeFileHandle group = new(descriptor, ownsHandle: true);
        nint link = LibBpf.bpf_program__attach_cgroup(FindProgram(program), descriptor);
        return link == 0 ? throw new BpfException("attach", $"{_name}/{program} to {folder}", Marshal.GetLastPInvokeError()) : new BpfLink(link, program);
    }

    /// <summary>Makes a link for an iterator program (<c>iter/task</c>, <c>iter/task_file</c>, <c>iter/tcp</c>).</summary>
    public BpfLink AttachIterator(string program)
    {
        nint link = LibBpf.bpf_program__attach_iter(FindProgram(program), null);
        return link == 0 ? throw new BpfException("attach iterator", $"{_name}/{program}", Marshal.GetLastPInvokeError()) : new BpfLink(link, program);
    }

    /// <summary>Makes a link for an iterator over tasks or their files that looks at one process only (Linux 6.1).</summary>
    public BpfLink AttachIterator(string program, int processId)
    {
        LibBpf.TaskIteratorInfo info = new() { ProcessId = (uint)processId };
        LibBpf.IteratorOptions options = new() { Size = (nuint)sizeof(LibBpf.IteratorOptions), Info = &info, InfoLength = (uint)sizeof(LibBpf.TaskIteratorInfo) };
        nint link = LibBpf.bpf_program__attach_iter(FindProgram(program), &options);
        return link == 0 ? throw new BpfException("attach iterator", $"{_name}/{program} for process {processId}", Marshal.GetLastPInvokeError()) : new BpfLink(link, program);
    }

    /// <summary>Runs a <c>SEC("syscall")</c> program once with a context struct, which the program may change.</summary>
    /// <returns>The program's return value.</returns>
    public int Run<T>(string program, ref T context)
        where T : unmanaged
    {
        fixed (T* pointer = &context)
        {
            LibBpf.TestRunOptions options = new() { Size = (nuint)sizeof(LibBpf.TestRunOptions), ContextIn = (nint)pointer, ContextSizeIn = (uint)sizeof(T) };
            Check(LibBpf.bpf_prog_test_run_opts(LibBpf.bpf_program__fd(FindProgram(program)), &options), "run", program);
            return (int)options.ReturnValue;
        }
    }

    /// <summary>Names of the object's programs, in file order.</summary>
    public IReadOnlyList<string> Programs()
    {
        List<string> names = [];
        for (nint program = LibBpf.bpf_object__next_program(handle, 0); program != 0; program = LibBpf.bpf_object__next_program(handle, program))
            names.Add(Marshal.PtrToStringUTF8(LibBpf.bpf_program__name(program))!);
        return names;
    }

    /// <summary>Names of the object's maps, in file order, data sections included.</summary>
    public IReadOnlyList<string> Maps()
    {
        List<string> names = [];
        for (nint map = LibBpf.bpf_object__next_map(handle, 0); map != 0; map = LibBpf.bpf_object__next_map(handle, map))
            names.Add(Marshal.PtrToStringUTF8(LibBpf.bpf_map__name(map))!);
        return names;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        LibBpf.bpf_object__close(handle);
        return true;
    }

    private nint FindMap(string name)
    {
        nint map = LibBpf.bpf_object__find_map_by_name(handle, name);
        return map != 0 ? map : throw new InvalidOperationException($"BPF object {_name} has no map {name}");
    }

    private nint FindProgram(string name)
    {
        nint program = LibBpf.bpf_object__find_program_by_name(handle, name);
        return program != 0 ? program : throw new InvalidOperationException($"BPF object {_name} has no program {name}");
    }

    private void Check(int result, string operation, string target)
    {
        if (result < 0) throw new BpfException(operation, target == _name ? target : $"{_name}/{target}", -result);
    }
}
