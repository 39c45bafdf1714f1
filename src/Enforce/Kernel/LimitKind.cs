namespace VirtualServices.Enforce.Kernel;

/// <summary>What happens to a socket or a process for which there is no room: <c>enum limit_action</c> in <c>gates.h</c>.</summary>
internal enum LimitKind
{
    /// <summary>It is counted all the same: an audit.</summary>
    Count = 0,

    /// <summary>The call fails.</summary>
    Errno = 1,

    /// <summary>It works for best effort.</summary>
    BestEffort = 2,

    /// <summary>The call waits until there is room; what cannot wait is counted all the same.</summary>
    Block = 3,
}
