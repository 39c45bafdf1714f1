using VirtualServices.Discover.Packets;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording.Packets;

/// <summary>Counts of the packets of a recording at one moment.</summary>
/// <param name="Info">Interfaces with their losses.</param>
/// <param name="Kept">Packets in the file.</param>
/// <param name="Strangers">Packets of no recorded socket: not kept.</param>
/// <param name="Hurried">Packets that were taken for a stranger's before it was known for sure, because too many waited.</param>
/// <param name="Forgotten">Sockets that were forgotten because there were too many.</param>
/// <param name="Unusable">Packets that no socket can be told from, by <see cref="PacketUse"/>.</param>
internal sealed record PacketCounts(PacketsInfo Info, long Kept, long Strangers, long Hurried, long Forgotten, IReadOnlyList<long> Unusable)
{
    /// <summary>Packets that were lost, wherever: how many a forgotten socket still had is not known, so each counts as one.</summary>
    internal long Lost() => Info.Lost() + Hurried + Forgotten;

    /// <summary>As a session tells it.</summary>
    internal IEnumerable<SourceCount> Sources()
    {
        yield return new SourceCount(PacketsInfo.Source, Kept, Lost());
        if (Strangers > 0) yield return new SourceCount("packets of sockets that are not recorded", 0, 0, Strangers);
        if (Hurried > 0) yield return new SourceCount("packets that could not wait until it was known whose they are (lost)", 0, 0, Hurried);
        if (Forgotten > 0) yield return new SourceCount("sockets whose packets were not kept any more, too many at a time (each counts as a packet lost)", 0, 0, Forgotten);
        for (int use = 0; use < Unusable.Count; use++)
            if (Unusable[use] > 0) yield return new SourceCount(((PacketUse)use).Reason(), 0, 0, Unusable[use]);
    }
}
