using System.Diagnostics;
using VirtualServices.Enforce.Admission;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Explaining;

/// <summary>Looks at single connections of services whose requests are admitted, from any process.</summary>
internal sealed class AdmissionLooks : IDisposable
{
    private readonly BpfMap _states;
    private readonly IReadOnlyList<AdmissionUse> _uses;

    private AdmissionLooks(BpfMap states, IReadOnlyList<AdmissionUse> uses) => (_states, _uses) = (states, uses);

    /// <summary>Opens what the enforcer pinned.</summary>
    /// <returns>Null where nothing is admitted.</returns>
    public static AdmissionLooks? Open(Pins pins, IdTable ids)
    {
        string states = pins.Map(AdmissionKernel.Connections);
        return File.Exists(states) ? new AdmissionLooks(BpfMap.FromPin(states), AdmissionStatus.Read(pins, ids)) : null;
    }

    /// <summary>How admission stands to a connection.</summary>
    /// <param name="pid">A process that holds the accepted end.</param>
    /// <param name="descriptor">By this descriptor.</param>
    /// <param name="virtualService">Who asks over it.</param>
    /// <param name="service">Who is asked.</param>
    /// <returns>Null where it is gone, or admission does not know it.</returns>
    public ConnectionAdmission? Of(int pid, int descriptor, string virtualService, string service)
    {
        int process = ConnectionDescriptor.OpenProcess(pid);
        try
        {
            if (!ConnectionDescriptor.Look(process, descriptor, _states, out ConnectionState state, out bool held)) return null;
            TimeSpan? waits = state.ArrivedNs == 0 ? null : TimeSpan.FromMicroseconds(Math.Max(0, Stopwatch.GetTimestamp() - (long)state.ArrivedNs) / 1000.0); // both CLOCK_MONOTONIC, ns
            return new ConnectionAdmission(held, waits, state.ReceivedNs != 0, _uses.FirstOrDefault(use => use.VirtualService == virtualService && use.Service == service));
        }
        finally
        {
            ConnectionDescriptor.CloseProcess(process);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _states.Dispose();
}
