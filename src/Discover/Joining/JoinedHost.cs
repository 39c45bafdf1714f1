using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Joining;

/// <summary>Gives processes and sockets of one host ids that are unique among all hosts of a joined session. Those of the first stay as they are.</summary>
/// <param name="number">Number of the host, from 0.</param>
/// <param name="name">Its name in the joined session; empty where that has one host only.</param>
internal sealed class JoinedHost(int number, string name)
{
    /// <summary>Most hosts: what fits behind the kernel's largest process id (2^22) in 31 bits.</summary>
    internal const int Most = 128;

    private const int PidBits = 23, SocketBits = 48;

    internal string Name => name;

    internal int Pid(int pid) => pid > 0 ? pid | (number << PidBits) : pid;

    internal ulong Socket(ulong id) => id == 0 ? 0 : id | ((ulong)number << SocketBits);

    internal SessionEvent Event(SessionEvent e)
    {
        e.Pid = Pid(e.Pid);
        e.Tid = Pid(e.Tid);
        e.Socket = Socket(e.Socket);
        if (e.Call is CallKind.Fork or CallKind.Wake) e.Child = Pid(e.Child);
        e.ChildPid = Pid(e.ChildPid);
        return e;
    }

    internal SocketDescription Description(SocketDescription socket) => socket with
    {
        Id = Socket(socket.Id),
        Inode = Socket(socket.Inode),
        PeerInode = Socket(socket.PeerInode),
        PeerPid = Pid(socket.PeerPid),
        Host = name,
    };

    internal SocketRecord Record(SocketRecord record) => new(Description(record.Description), [.. record.Holders.Select(holder => holder with { Pid = Pid(holder.Pid) })]);

    internal ProcessRecord Process(ProcessRecord process) => process with
    {
        Pid = Pid(process.Pid),
        ParentPid = Pid(process.ParentPid),
        Host = name,
        HostPid = number > 0 ? process.Pid : 0,
    };
}
