using VirtualServices.Infer.Turns;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Inventory;

/// <summary>A process from its fork (or the start of the session) to its exit. A pid that is used again makes a new one.</summary>
internal sealed class ProcessState(int pid, long serial, Party? party, ProcessRecord? record, long bornNs, long parentSerial)
{
    /// <summary><see cref="BornNs"/> of processes that were there before the session.</summary>
    public const long BeforeSession = long.MinValue;

    public int Pid { get; } = pid;

    /// <summary>Unique within the session, in the order in which processes were seen.</summary>
    public long Serial { get; } = serial;

    /// <summary>Party, or null where the inventory does not know the process.</summary>
    public Party? Party { get; } = party;

    /// <summary>Its own line of the inventory, or the one of the ancestor it was forked from.</summary>
    public ProcessRecord? Record { get; } = record;

    /// <summary>Time of the fork.</summary>
    public long BornNs { get; } = bornNs;

    /// <summary>Serial of the parent where the fork was seen, else 0.</summary>
    public long ParentSerial { get; } = parentSerial;

    /// <summary>Its fork was seen, and the parent listened.</summary>
    public bool ForkedByListener { get; init; }

    public bool Ended { get; set; }

    /// <summary>The first thread ended while others still ran.</summary>
    public bool LeaderEnded { get; set; }

    public List<TracedThread> Threads { get; } = [];

    public void Add(TracedThread thread)
    {
        thread.Slot = Threads.Count;
        Threads.Add(thread);
    }

    public void Remove(TracedThread thread)
    {
        TracedThread last = Threads[^1];
        Threads[thread.Slot] = last;
        last.Slot = thread.Slot;
        Threads.RemoveAt(Threads.Count - 1);
    }

    /// <summary>Ends of which it holds a descriptor. A set: a server may hold any number, and each is given up one by one.</summary>
    public HashSet<ConnectionEnd> Held { get; } = [];

    /// <summary>Requests of this process that nobody began to answer.</summary>
    public int OpenRequests { get; set; }

    public ConnectionEnd? OpenEnd { get; set; }

    /// <summary>Server-side connections on which bytes passed, in its life.</summary>
    public int Connections { get; set; }

    /// <summary>Of these: open now.</summary>
    public int OpenConnections { get; set; }

    /// <summary>Most that were open at once.</summary>
    public int MostOpenConnections { get; set; }

    /// <summary>It held a listening socket at the start, or began to listen.</summary>
    public bool Listens { get; set; }

    /// <summary>CPU time of its threads that have used no connection so far, without what they did for others that did, ns.</summary>
    public ulong CpuApartNs { get; set; }

    /// <summary>What the reader of the walk keeps per process.</summary>
    public object? Notes { get; set; }

    public bool IsChildOf(long serial, int pid) =>
        ParentSerial != 0 ? ParentSerial == serial : BornNs == BeforeSession && Record is not null && Record.Pid == Pid && Record.ParentPid == pid;
}
