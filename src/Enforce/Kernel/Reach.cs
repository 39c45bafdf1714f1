namespace VirtualServices.Enforce.Kernel;

/// <summary>What gates can meet: programs for the rest are not attached.</summary>
/// <param name="BeyondTcp">Datagrams, unix sockets and the ends of sends.</param>
/// <param name="Names">Names that clients ask for.</param>
/// <param name="Processes">Ends of processes, where they are counted.</param>
internal readonly record struct Reach(bool BeyondTcp, bool Names, bool Processes);
