namespace VirtualServices.Discover.Recording;

/// <summary>How much is recorded.</summary>
public enum RecordLevel
{
    /// <summary>Every call that relays work, with descriptor and duration. While it runs, every system call of the host takes the kernel's slower path.</summary>
    Syscalls,

    /// <summary>What sockets say of themselves, transfers by io_uring among it: no pipes, no descriptors, no durations. Costs other programs nothing per system call that is not about a socket.</summary>
    Sockets,
}
