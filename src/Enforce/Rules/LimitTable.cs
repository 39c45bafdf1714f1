using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Rules;

/// <summary>Count limits in the kernel's maps: written with a rule set, read for the status.</summary>
internal static class LimitTable
{
    /// <summary>Writes the limits of a generation beside those of the present one. What is counted stays as it is.</summary>
    public static void Write(GateKernel kernel, IReadOnlyList<CounterPlan> counters, uint generation)
    {
        BpfMap limits = kernel["limits"], ofServices = kernel["vs_counters"];
        foreach (CounterPlan plan in counters)
        {
            kernel["counter_parents"].Update(plan.Counter, plan.Above);
            limits.TryLookup(plan.Counter, out LimitPair pair);
            LimitRecord limit = plan.Limit with { Generation = generation };
            limits.Update(plan.Counter, generation % 2 == 0 ? pair with { Even = limit } : pair with { Odd = limit });
            ofServices.TryLookup(plan.VirtualService, out VsCounterPair counter);
            VsCounter own = new(generation, plan.CountsSockets ? plan.Counter : 0, plan.CountsProcesses ? plan.Counter : 0);
            ofServices.Update(plan.VirtualService, generation % 2 == 0 ? counter with { Even = own } : counter with { Odd = own });
        }
    }

    /// <summary>Limits that a generation sets, with what is counted.</summary>
    public static IReadOnlyList<LimitUse> Read(GateKernel kernel, IdTable ids, IReadOnlyDictionary<uint, ShareRecord> shares, uint generation)
    {
        List<LimitUse> uses = [];
        foreach ((uint id, ShareRecord share) in shares.Where(share => share.Value.Sockets != 0 || share.Value.Processes != 0).OrderBy(share => share.Key))
        {
            if (!kernel["vs_counters"].TryLookup(id, out VsCounterPair counters)) continue;
            VsCounter counter = generation % 2 == 0 ? counters.Even : counters.Odd;
            uint number = Math.Max(counter.Sockets, counter.Processes); // the same, or 0 where it counts one of them only
            if (counter.Generation != generation || number == 0) continue;
            kernel["limits"].TryLookup(number, out LimitPair pair);
            LimitRecord limit = generation % 2 == 0 ? pair.Even : pair.Odd;
            if (limit.Generation != generation || !kernel["counter_uses"].TryLookup(number, out CounterUse use)) continue;
            string name = ids.Name(IdKind.VirtualService, id) ?? "";
            if (share.Processes != 0) uses.Add(new LimitUse(name, LimitUse.OfProcesses, (long)use.Processes, limit.Processes, (long)use.ProcessHits, OnLimit(limit)));
            if (share.Sockets != 0) uses.Add(new LimitUse(name, LimitUse.OfSockets, (long)use.Sockets, limit.Sockets, (long)use.SocketHits, OnLimit(limit)));
        }

        return uses;
    }

    // As a rule file spells it; an audit only counts.
    private static string OnLimit(in LimitRecord limit)
    {
        uint error = limit.Error;
        return limit.Action switch
        {
            LimitKind.Errno => $"errno:{LimitPlan.Errnos.First(name => name.Value == error).Key}",
            LimitKind.BestEffort => "best-effort",
            LimitKind.Block => "block",
            _ => "count",
        };
    }
}
