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
    /// <summary>As a session tells it.</summary>
    internal IEnumerable<SourceCount> Sources()
    {
        yield return new SourceCount(PacketsInfo.Source, Kept, Info.Lost());
        if (Strangers > 0) yield return new SourceCount("packets of sockets that are not recorded", 0, 0, Strangers);
        if (Hurried > 0) yield return new SourceCount("packets that could not wait until it was known whose they are", 0, 0, Hurried);
        if (Forgotten > 0) yield return new SourceCount("sockets whose packets were not kept any more, too many at a time", 0, 0, Forgotten);
        for (int use = 0; use < Unusable.Count; use++)
            if (Unusable[use] > 0) yield return new SourceCount(((PacketUse)use).Reason(), 0, 0, Unusable[use]);
    }
}
