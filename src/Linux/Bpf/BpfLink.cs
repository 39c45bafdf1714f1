using System.Runtime.InteropServices;

namespace VirtualServices.Linux.Bpf;

/// <summary>An attachment of a program. Disposing it detaches, unless it is pinned.</summary>
public sealed class BpfLink : SafeHandle
{
    private readonly string _name;

    internal BpfLink(nint link, string name)
        : base(0, ownsHandle: true)
    {
        SetHandle(link);
        _name = name;
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Opens a pinned link; disposing it leaves the pin, and so the attachment.</summary>
    /// <exception cref="BpfException">There is none at the path.</exception>
    public static BpfLink FromPin(string path)
    {
        nint link = LibBpf.bpf_link__open(path);
        return link == 0 ? throw new BpfException("open pinned link", path, Marshal.GetLastPInvokeError()) : new BpfLink(link, path);
    }

    /// <summary>Pins the link: it outlives this process until the pin is removed.</summary>
    public void Pin(string path)
    {
        int result = LibBpf.bpf_link__pin(handle, path);
        if (result < 0) throw new BpfException("pin", $"{_name} at {path}", -result);
    }

    /// <summary>For the link of an iterator: runs it over all its objects and returns what the program wrote with <c>bpf_seq_write</c>.</summary>
    public byte[] ReadIterator()
    {
        int fd = LibBpf.bpf_iter_create(LibBpf.bpf_link__fd(handle));
        if (fd < 0) throw new BpfException("run iterator", _name, -fd);
        using FileStream stream = new(new Microsoft.Win32.SafeHandles.SafeFileHandle(fd, ownsHandle: true), FileAccess.Read, bufferSize: 0);
        using MemoryStream all = new();
        stream.CopyTo(all, 65_536);
        return all.ToArray();
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => LibBpf.bpf_link__destroy(handle) == 0;
}
