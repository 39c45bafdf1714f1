using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Limits;

/// <summary>Stopping at limits as a whole: started with the enforcer where a rule asks for it.</summary>
internal static class LimitControl
{
    /// <summary>True where the rules have processes stopped: all that block, and forks that fail.</summary>
    public static bool Stops(VirtualService virtualService) => StopsForks(virtualService) || virtualService.Limits is { Sockets: not null, OnLimit: LimitAction.Block };

    /// <summary>True where forks are stopped.</summary>
    public static bool StopsForks(VirtualService virtualService) => virtualService.Limits is { Processes: not null, OnLimit: not LimitAction.BestEffort };

    /// <summary>Loads the programs and starts the thread.</summary>
    /// <returns>Null where the rules ask for nothing of it.</returns>
    public static LimitLoop? Start(GateKernel gates, CompiledRules rules, uint generation, EnforceOptions options)
    {
        LimitKernel.RemovePins(Pins.Default);
        if (options.Audit || !rules.VirtualServices.Any(vs => Stops(vs.VirtualService))) return null;
        LimitKernel? programs = null;
        LimitLoop? loop = null;
        try
        {
            programs = LimitKernel.Load(gates, Pins.Default);
            loop = new LimitLoop(gates, programs, rules, generation, LimitKernel.FreeFile(Pins.Default));
            loop.Start();
            return loop;
        }
        catch (Exception error)
        {
            if (loop is null) programs?.Dispose();
            loop?.Dispose();
            LimitKernel.RemovePins(Pins.Default);
            if (error is BpfException refused) throw HostAccess.Explain("load what stops processes at limits", refused);
            throw;
        }
    }
}
