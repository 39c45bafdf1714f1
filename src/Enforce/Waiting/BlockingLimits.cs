using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Waiting;

/// <summary>Limits with <c>onLimit: block</c>, in force: the waiting room, and what sends calls there.</summary>
internal sealed class BlockingLimits : IDisposable
{
    private readonly WaitingKernel _kernel;
    private readonly WaitingRoom _room;

    private BlockingLimits(WaitingKernel kernel, WaitingRoom room) => (_kernel, _room) = (kernel, room);

    /// <summary>Begins, where the rules have such a limit; else null.</summary>
    /// <exception cref="Model.VsException">The host lacks something.</exception>
    public static BlockingLimits? Start(GateKernel gates, CompiledRules rules, Action<string>? log)
    {
        if (!rules.Counters.Any(counter => counter.Limit.Action == LimitKind.Block)) return null;
        WaitingKernel? kernel = null;
        WaitingRoom? room = null;
        try
        {
            kernel = WaitingKernel.Load(gates);
            room = WaitingRoom.Open(new KernelRoom(gates, kernel.Waiters), log);
            kernel.Begin(room.Door);
            return new BlockingLimits(kernel, room);
        }
        catch (Exception error)
        {
            kernel?.End();
            room?.Dispose();
            kernel?.Dispose();
            if (error is BpfException refused) throw HostAccess.Explain("load what makes calls wait", refused);
            throw;
        }
    }

    /// <summary>Ends: nobody new waits, and who does goes on.</summary>
    public void Dispose()
    {
        _kernel.End();
        _room.Dispose();
        _kernel.Dispose(); // last: the room looks who waits there
    }
}
