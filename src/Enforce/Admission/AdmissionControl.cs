using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Admission;

/// <summary>Admission as a whole: started with the enforcer where gates bind requests.</summary>
internal static class AdmissionControl
{
    /// <summary>Loads the programs, proves that holding is safe, and starts the thread.</summary>
    /// <returns>Null where the rules ask for nothing of it.</returns>
    /// <exception cref="VsException">A service may block in a receive, or the host lacks something.</exception>
    public static AdmissionLoop? Start(GateKernel gates, CompiledRules rules, EnforceOptions options)
    {
        AdmissionKernel.RemovePins(Pins.Default);
        if (options.Audit || rules.Admitted().Count == 0) return null;
        AdmissionKernel kernel;
        try
        {
            kernel = AdmissionKernel.Load(gates, Pins.Default);
        }
        catch (BpfException error)
        {
            throw HostAccess.Explain("load admission", error);
        }

        AdmissionLoop? loop = null;
        try
        {
            AdmissionPace pace = new();
            AdmissionMembers members = new(gates, kernel, rules, new AdmissionSettings(), pace, options.Log);
            loop = new AdmissionLoop(kernel, new AdmissionCells(kernel, rules), members, pace, rules, AdmissionKernel.ReleaseFile(Pins.Default));
            members.Start(loop);
            kernel.Attach();
            loop.Start();
            return loop;
        }
        catch
        {
            if (loop is null) kernel.Dispose();
            loop?.Dispose();
            AdmissionKernel.RemovePins(Pins.Default);
            throw;
        }
    }
}
