namespace VirtualServices.Discover.Import.Calls;

/// <summary>What a system call does to descriptors.</summary>
internal enum CallForm : byte
{
    None,
    Receive,
    Send,
    Transfer,
    Accept,
    Connect,
    Bind,
    Listen,
    Socket,
    Pair,
    Close,
    CloseRange,
    Duplicate,
    Control,
    LocalName,
    RemoteName,
    Other,
    Fork,
    Exec,
}

/// <summary>Names of the system calls that relay work, or that make, copy and close what it is relayed over.</summary>
internal static class CallNames
{
    internal static CallForm KindOf(ReadOnlySpan<char> name) => name switch
    {
        "read" or "readv" or "recv" or "recvfrom" or "recvmsg" or "recvmmsg" or "recvmmsg_time64" => CallForm.Receive,
        "write" or "writev" or "send" or "sendto" or "sendmsg" or "sendmmsg" => CallForm.Send,
        "sendfile" or "sendfile64" or "splice" => CallForm.Transfer,
        "accept" or "accept4" => CallForm.Accept,
        "connect" => CallForm.Connect,
        "bind" => CallForm.Bind,
        "listen" => CallForm.Listen,
        "socket" => CallForm.Socket,
        "socketpair" or "pipe" or "pipe2" => CallForm.Pair,
        "close" => CallForm.Close,
        "close_range" => CallForm.CloseRange,
        "dup" or "dup2" or "dup3" => CallForm.Duplicate,
        "fcntl" or "fcntl64" => CallForm.Control,
        "getsockname" => CallForm.LocalName,
        "getpeername" => CallForm.RemoteName,
        "open" or "openat" or "openat2" or "creat" or "eventfd" or "eventfd2" or "epoll_create" or "epoll_create1" or "timerfd_create" or "inotify_init" or "inotify_init1"
            or "memfd_create" or "signalfd" or "signalfd4" or "pidfd_open" or "perf_event_open" or "userfaultfd" or "io_uring_setup" => CallForm.Other,
        "fork" or "vfork" or "clone" or "clone3" => CallForm.Fork,
        "execve" or "execveat" => CallForm.Exec,
        _ => CallForm.None,
    };

    /// <summary>The descriptor of such a call is a socket, whatever else is known of it.</summary>
    internal static bool IsForSocketsOnly(ReadOnlySpan<char> name) => name.StartsWith("recv") || name.StartsWith("send");
}
