using System.Text;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Moving;

/// <summary>Where processes came from: their cgroup before they were moved. Lives in the map <c>origins</c>, so that whoever stops the enforcement can put everything back.</summary>
internal sealed class Origins(BpfMap map)
{
    private const ulong ServiceFlag = 1UL << 63;
    private const ulong VirtualServiceFlag = 1UL << 62;

    /// <summary>Remembers a process's group, and the first one of its service or virtual service for descendants whose ancestors are gone.</summary>
    public void Record(in TaskRecord task, string group)
    {
        Bytes512 path = default;
        if (Encoding.UTF8.GetByteCount(group) > 511) group = "/";
        Encoding.UTF8.GetBytes(group, path[..511]);
        OriginKey family = FamilyOf(task);
        if (!map.TryLookup(family, out Bytes512 _)) map.Update(family, path);
        map.Update(new OriginKey(task.Pid, task.Started), path);
    }

    /// <summary>Group of exactly this process; null where it was born inside our groups.</summary>
    public string? Of(uint pid, ulong started) => Read(new OriginKey(pid, started));

    /// <summary>Group that this process goes back to: its own, its nearest known ancestor's, or that of its service or virtual service; the root where nothing is known.</summary>
    public string For(in TaskRecord task, IReadOnlyDictionary<uint, TaskRecord> byPid)
    {
        TaskRecord at = task;
        for (int depth = 0; depth < 64; depth++)
        {
            if (Of(at.Pid, at.Started) is { } own) return own;
            if (!byPid.TryGetValue(at.Parent, out TaskRecord parent)) break;
            at = parent;
        }

        return Read(FamilyOf(task)) ?? "/";
    }

    private static OriginKey FamilyOf(in TaskRecord task) => new(task.Service != 0 ? ServiceFlag | task.Service : VirtualServiceFlag | task.VirtualService, 0);

    private string? Read(OriginKey key)
    {
        if (!map.TryLookup(key, out Bytes512 path)) return null;
        ReadOnlySpan<byte> bytes = path;
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
