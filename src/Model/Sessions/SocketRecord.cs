namespace VirtualServices.Model.Sessions;

/// <summary>A socket that existed at the start, or before its process was found to have started later, with the processes that held it.</summary>
/// <param name="Description">What is known of the socket.</param>
/// <param name="Holders">Processes with a descriptor of it.</param>
public sealed record SocketRecord(SocketDescription Description, IReadOnlyList<SocketHolder> Holders);

/// <summary>A process that holds a descriptor of a socket.</summary>
/// <param name="Pid">Process id.</param>
/// <param name="Fd">Descriptor.</param>
public sealed record SocketHolder(int Pid, int Fd);
