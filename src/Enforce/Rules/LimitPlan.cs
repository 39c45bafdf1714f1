using VirtualServices.Enforce.Kernel;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Rules;

/// <summary>A counter of sockets and processes. Each stands for a virtual service at its place in the hierarchy, so what is above it never changes, and what was counted is given back there.</summary>
/// <param name="VirtualService">Number of the virtual service.</param>
/// <param name="Counter">Number of the counter.</param>
/// <param name="Above">Number of its parent's counter, 0 where it has none.</param>
/// <param name="CountsSockets">True where the virtual service's own sockets are counted: it or one above it has a limit of them.</param>
/// <param name="CountsProcesses">The same of processes.</param>
/// <param name="Limit">The limit in the kernel's form; the generation is still 0.</param>
internal sealed record CounterPlan(uint VirtualService, uint Counter, uint Above, bool CountsSockets, bool CountsProcesses, LimitRecord Limit);

/// <summary>Chooses which virtual services need a counter: those with a limit, those below them, and all above either. Pure.</summary>
internal static class LimitPlan
{
    /// <summary>Names that a file may use, with their numbers; the same on x86-64 and arm64 (asm-generic/errno.h).</summary>
    public static readonly IReadOnlyDictionary<string, uint> Errnos = new Dictionary<string, uint>(StringComparer.Ordinal)
    {
        ["EPERM"] = 1,
        ["EAGAIN"] = 11,
        ["ENOMEM"] = 12,
        ["EACCES"] = 13,
        ["EBUSY"] = 16,
        ["ENFILE"] = 23,
        ["EMFILE"] = 24,
        ["ENOSPC"] = 28,
        ["EUSERS"] = 87,
        ["ECONNABORTED"] = 103,
        ["ENOBUFS"] = 105,
        ["ECONNREFUSED"] = 111,
        ["EDQUOT"] = 122,
    };

    /// <summary>Plans.</summary>
    /// <param name="virtualServices">All, parents before children.</param>
    /// <param name="ids">Gets the names of the counters.</param>
    /// <param name="audit">True where nothing is done but counting.</param>
    public static IReadOnlyList<CounterPlan> Of(IReadOnlyList<(uint Id, VirtualService VirtualService)> virtualServices, IdTable ids, bool audit)
    {
        Dictionary<string, string> paths = [];
        HashSet<string> sockets = [], processes = [], needed = [];
        foreach ((_, VirtualService vs) in virtualServices)
        {
            paths[vs.Name] = vs.Parent is null ? vs.Name : $"{paths[vs.Parent]}/{vs.Name}";
            if (vs.Limits?.Sockets is not null || (vs.Parent is not null && sockets.Contains(vs.Parent))) sockets.Add(vs.Name);
            if (vs.Limits?.Processes is not null || (vs.Parent is not null && processes.Contains(vs.Parent))) processes.Add(vs.Name);
        }

        foreach ((_, VirtualService vs) in virtualServices.Reverse())
        {
            if (!sockets.Contains(vs.Name) && !processes.Contains(vs.Name) && !needed.Contains(vs.Name)) continue;
            needed.Add(vs.Name);
            if (vs.Parent is not null) needed.Add(vs.Parent);
        }

        return
        [
            .. virtualServices.Where(vs => needed.Contains(vs.VirtualService.Name)).Select(vs => new CounterPlan(
                vs.Id,
                ids.Id(IdKind.Counter, paths[vs.VirtualService.Name]),
                vs.VirtualService.Parent is { } parent ? ids.Id(IdKind.Counter, paths[parent]) : 0,
                sockets.Contains(vs.VirtualService.Name),
                processes.Contains(vs.VirtualService.Name),
                LimitOf(vs.VirtualService.Limits, audit))),
        ];
    }

    private static LimitRecord LimitOf(MemberLimits? limits, bool audit)
    {
        if (limits is null) return default;
        LimitRecord record = new(0, (uint)(limits.Sockets ?? 0), (uint)(limits.Processes ?? 0), LimitKind.Count, 0);
        if (audit) return record;
        return limits.OnLimit switch
        {
            LimitAction.BestEffort => record with { Action = LimitKind.BestEffort },
            LimitAction.Block => record with { Action = LimitKind.Block },
            _ => record with { Action = LimitKind.Errno, Error = Errnos[limits.Errno] },
        };
    }
}
