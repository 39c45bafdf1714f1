namespace VirtualServices.Enforce.Admission;

/// <summary>Holds connections and lets them go.</summary>
internal interface IConnectionHolds
{
    /// <summary>Hides what arrives on a connection from the service that waits for it.</summary>
    /// <returns>Bytes that wait already; -1 where it cannot be held: gone, not found yet, or its receives may block.</returns>
    int Hold(ulong connection);

    /// <summary>Lets a connection go: the service sees what waits.</summary>
    /// <returns>False where it is gone.</returns>
    bool Release(ulong connection);
}
