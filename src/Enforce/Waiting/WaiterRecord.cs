using System.Runtime.InteropServices;

namespace VirtualServices.Enforce.Waiting;

/// <summary>A thread whose call waits: <c>struct waiter</c> in <c>waiting.h</c>.</summary>
/// <param name="Counter">Where its virtual service counts.</param>
/// <param name="Kind"><see cref="Sockets"/> or <see cref="Processes"/>.</param>
[StructLayout(LayoutKind.Sequential)]
internal record struct WaiterRecord(uint Counter, uint Kind)
{
    /// <summary>It makes a socket.</summary>
    public const uint Sockets = 0;

    /// <summary>It forks.</summary>
    public const uint Processes = 1;
}
