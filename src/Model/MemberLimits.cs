namespace VirtualServices.Model;

/// <summary>What happens to a call that would break a count limit.</summary>
public enum LimitAction
{
    /// <summary>The call fails with the chosen errno.</summary>
    Errno,

    /// <summary>The call waits until there is room.</summary>
    Block,

    /// <summary>The new member belongs to best effort.</summary>
    BestEffort,
}

/// <summary>Count limits of a virtual service, for work in shared services, too.</summary>
/// <param name="Processes">Most processes at a time, or null for no limit.</param>
/// <param name="Sockets">Most sockets at a time, or null for no limit.</param>
/// <param name="OnLimit">What happens to a call beyond the limit.</param>
/// <param name="Errno">Name of the errno for <see cref="LimitAction.Errno"/>, such as EAGAIN; else empty.</param>
public sealed record MemberLimits(int? Processes, int? Sockets, LimitAction OnLimit, string Errno);
