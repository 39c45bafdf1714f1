namespace VirtualServices.Model.Sessions;

/// <summary>Contents of <c>session.json</c>.</summary>
/// <param name="FormatVersion">Version of the session format.</param>
/// <param name="Id">Id of the session: 128 random bits in hex.</param>
/// <param name="Host">Host name.</param>
/// <param name="Kernel">Kernel release.</param>
/// <param name="BootId">Boot id of the host: clocks and pids of two sessions compare only within one boot.</param>
/// <param name="Source">What made it: <c>record</c>, <see cref="JoinSource"/>, or <c>import-strace</c> and so on.</param>
/// <param name="Level">Recording level: <c>syscalls</c> or <c>sockets</c>.</param>
/// <param name="Clock">The session's clock.</param>
/// <param name="Services">Services that were recorded and how they were chosen.</param>
/// <param name="Processes">Inventory of processes: recorded ones and peers.</param>
/// <param name="Sockets">Sockets that existed at the start, or before a process was recorded that started later.</param>
/// <param name="Counts">Counts and losses per source.</param>
/// <param name="EndedCleanly">False while recording and after a kill.</param>
/// <param name="VirtualServices">Names of virtual services that the source of an import knows, in the order of <see cref="SessionEvent.VirtualService"/>; absent in a recording.</param>
/// <param name="Packets">What was captured of packets; absent where none were.</param>
public sealed record SessionInfo(
    int FormatVersion,
    string Id,
    string Host,
    string Kernel,
    string BootId,
    string Source,
    string Level,
    SessionClock Clock,
    IReadOnlyList<Service> Services,
    IReadOnlyList<ProcessRecord> Processes,
    IReadOnlyList<SocketRecord> Sockets,
    IReadOnlyList<SourceCount> Counts,
    bool EndedCleanly,
    IReadOnlyList<string>? VirtualServices = null,
    PacketsInfo? Packets = null)
{
    /// <summary>Version that this program reads and writes.</summary>
    public const int CurrentFormatVersion = 1;

    /// <summary><see cref="Source"/> of a session joined of several: its connections between hosts are those with a name (<see cref="SocketDescription.Connection"/>), for addresses may mean another connection on each host.</summary>
    public const string JoinSource = "join";

    /// <summary>Events that were lost, wherever: packets are not events.</summary>
    public long LostEvents() => Counts.Where(count => count.Source != PacketsInfo.Source).Sum(count => Math.Max(count.Lost, 0));

    /// <summary>Packets that were lost, wherever.</summary>
    public long LostPackets() => Counts.Where(count => count.Source == PacketsInfo.Source).Sum(count => Math.Max(count.Lost, 0));
}

/// <summary>Clock of a session.</summary>
/// <param name="Name">Name of the kernel's clock: CLOCK_MONOTONIC.</param>
/// <param name="StartNs">Start of the recording, ns of that clock.</param>
/// <param name="EndNs">End, or 0 where the recording was killed (then the last event tells).</param>
/// <param name="UtcOffsetNs">UTC minus clock, ns, measured at the start.</param>
public sealed record SessionClock(string Name, long StartNs, long EndNs, long UtcOffsetNs)
{
    /// <summary>No time and no offset is further from 0 than this, 146 years: sums and differences of two fit.</summary>
    public const long FurthestNs = 1L << 62;
}

/// <summary>Events of one source, and losses where they happened.</summary>
/// <param name="Source">Where: <c>ring</c>, <c>file</c>, <c>kernel</c>, <c>pcap</c>.</param>
/// <param name="Events">Events that passed.</param>
/// <param name="Lost">Events lost there.</param>
/// <param name="Unused">Import: what the source has and could not be used; then <paramref name="Source"/> is the reason.</param>
public sealed record SourceCount(string Source, long Events, long Lost, long Unused = 0);
