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

    internal int Descriptor => (int)_fd.DangerousGetHandle();

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, int argument);
}
