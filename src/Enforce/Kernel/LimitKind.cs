namespace VirtualServices.Enforce.Kernel;

/// <summary>What happens to a call for which there is no room: <c>enum limit_action</c> in <c>gates.h</c>.</summary>
internal enum LimitKind
{
    /// <summary>What it makes is counted all the same: an audit.</summary>
    Count = 0,

    /// <summary>The call fails.</summary>
    Errno = 1,

    /// <summary>What it makes works for best effort.</summary>
    BestEffort = 2,

    /// <summary>The caller is stopped until there is room.</summary>
    Block = 3,
}
