using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VirtualServices.Linux.Bpf;

/// <summary>A loaded program by descriptor, for attachments that libbpf does not make. It stays loaded while somebody holds it.</summary>
public sealed partial class BpfProgram : IDisposable
{
    private readonly SafeFileHandle _fd;

    internal BpfProgram(int fd, string name)
    {
        const int DuplicateCloseOnExec = 1030; // F_DUPFD_CLOEXEC
        int copy = fcntl(fd, DuplicateCloseOnExec, 0);
        if (copy < 0) throw new BpfException("duplicate", name, Marshal.GetLastPInvokeError());
        _fd = new SafeFileHandle(copy, ownsHandle: true);
    }

    /// <summary>The program of a pinned attachment.</summary>
    /// <param name="link">Pin of the attachment.</param>
    /// <exception cref="BpfException">There is none at the path.</exception>
    public static BpfProgram OfLink(string link)
    {
        int fd = LibBpf.bpf_obj_get(link);
        if (fd < 0) throw new BpfException("open", link, -fd);
        using SafeFileHandle owner = new(fd, ownsHandle: true);
        int program = LibBpf.bpf_prog_get_fd_by_id((uint)DescriptorFacts.Number(fd, "prog_id"));
        if (program < 0) throw new BpfException("open the program of", link, -program);
        using SafeFileHandle programOwner = new(program, ownsHandle: true);
        return new BpfProgram(program, link);
    }

    /// <summary>Attaches the program to the tracepoint that it was loaded for, and pins the attachment.</summary>
    /// <exception cref="BpfException">The kernel refuses.</exception>
    public void AttachTracepoint(string pin)
    {
        int fd = LibBpf.bpf_raw_tracepoint_open(0, Descriptor);
        if (fd < 0) throw new BpfException("attach", pin, -fd);
        using SafeFileHandle owner = new(fd, ownsHandle: true);
        int result = LibBpf.bpf_obj_pin(fd, pin);
        if (result < 0) throw new BpfException("pin", pin, -result);
    }

    internal int Descriptor => (int)_fd.DangerousGetHandle();

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, int argument);
}
