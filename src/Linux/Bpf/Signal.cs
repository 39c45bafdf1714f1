using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VirtualServices.Linux.Bpf;

/// <summary>Wakes threads that wait for a ring buffer (an eventfd). Once set it stays set until one of them takes it.</summary>
public sealed unsafe partial class Signal : IDisposable
{
    private const int CloseOnExec = 0x80000, NonBlocking = 0x800; // EFD_CLOEXEC, EFD_NONBLOCK
    private readonly SafeFileHandle _handle;

    /// <summary>Makes a signal that is not set.</summary>
    /// <exception cref="BpfException">The process has no descriptor left.</exception>
    public Signal()
    {
        int descriptor = eventfd(0, CloseOnExec | NonBlocking);
        if (descriptor < 0) throw new BpfException("create", "eventfd", Marshal.GetLastPInvokeError());
        _handle = new SafeFileHandle(descriptor, ownsHandle: true);
    }

    internal int Descriptor => (int)_handle.DangerousGetHandle();

    /// <summary>Wakes all that wait, and those that will.</summary>
    public void Set()
    {
        ulong one = 1;
        _ = write(Descriptor, &one, sizeof(ulong));
    }

    /// <summary>Takes it: the others wait again, whether they have woken or not.</summary>
    /// <returns>False where it was not set, or another thread was faster.</returns>
    public bool TryTake()
    {
        ulong count;
        return read(Descriptor, &count, sizeof(ulong)) == sizeof(ulong);
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int eventfd(uint initial, int flags);

    [LibraryImport("libc")]
    private static partial nint write(int descriptor, void* bytes, nuint count);

    [LibraryImport("libc")]
    private static partial nint read(int descriptor, void* bytes, nuint count);
}
