namespace VirtualServices.Model.Sessions;

/// <summary>What <c>packets.pcap</c> of a session holds. Its times are UTC with the clock's offset at the start: less <see cref="SessionClock.UtcOffsetNs"/> they are ns of the session's clock.</summary>
/// <param name="PayloadBytes">Most bytes of payload that were kept of a packet; 0: headers only.</param>
/// <param name="Interfaces">Where packets were captured.</param>
public sealed record PacketsInfo(int PayloadBytes, IReadOnlyList<PacketInterface> Interfaces)
{
    /// <summary>Source of the count of packets among the session's counts.</summary>
    public const string Source = "pcap";

    /// <summary>Packets that the kernel dropped before they were read; the recorder may have lost more, see <see cref="SessionInfo.LostPackets"/>.</summary>
    public long Lost() => Interfaces.Sum(one => one.Dropped);
}

/// <summary>A network interface on which packets were captured.</summary>
/// <param name="Name">Name, or <c>any</c>.</param>
/// <param name="NetworkNamespace">Name or path of its network namespace, empty for that of the recorder.</param>
/// <param name="Received">Packets that were read from it.</param>
/// <param name="Dropped">Packets that the kernel dropped because the recorder was too slow.</param>
/// <param name="Failure">Why nothing was read any more before the end; empty where it was read to the end.</param>
public sealed record PacketInterface(string Name, string NetworkNamespace = "", long Received = 0, long Dropped = 0, string Failure = "")
{
    /// <summary>As the command line takes it: <c>eth0</c>, <c>eth0@shop</c>.</summary>
    public override string ToString() => NetworkNamespace.Length > 0 ? $"{Name}@{NetworkNamespace}" : Name;
}
