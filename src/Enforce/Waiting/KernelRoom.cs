using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Waiting;

/// <summary>The limits and counts that the gates have in the kernel.</summary>
/// <param name="kernel">The gates.</param>
/// <param name="waiters">Who waits: <c>waiters</c> in <c>waiting.bpf.c</c>.</param>
internal sealed class KernelRoom(GateKernel kernel, BpfMap waiters) : IRoom
{
    /// <inheritdoc/>
    public uint[] Wanted(uint thread)
    {
        if (!waiters.TryLookup(thread, out WaiterRecord waiter)) return [];
        uint generation = RuleTables.Generation(kernel);
        List<uint> places = [];
        for (uint counter = waiter.Counter; counter != 0;)
        {
            if (Limit(counter, generation) is { Action: LimitKind.Block } limit && Most(limit, waiter.Kind) > 0) places.Add(2 * counter + waiter.Kind);
            if (!kernel["counter_parents"].TryLookup(counter, out counter)) break;
        }

        return [.. places];
    }

    /// <inheritdoc/>
    public long Free(uint place)
    {
        (uint counter, uint kind) = (place / 2, place % 2);
        return kernel["counter_uses"].TryLookup(counter, out CounterUse use)
            ? Most(Limit(counter, RuleTables.Generation(kernel)), kind) - (long)(kind == WaiterRecord.Sockets ? use.Sockets : use.Processes)
            : 1;
    }

    private static long Most(LimitRecord limit, uint kind) => kind == WaiterRecord.Sockets ? limit.Sockets : limit.Processes;

    private LimitRecord Limit(uint counter, uint generation)
    {
        if (!kernel["limits"].TryLookup(counter, out LimitPair pair)) return default;
        LimitRecord limit = (generation & 1) == 0 ? pair.Even : pair.Odd;
        return limit.Generation == generation ? limit : default;
    }
}
