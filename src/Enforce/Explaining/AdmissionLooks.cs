using System.Diagnostics;
using VirtualServices.Enforce.Admission;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Explaining;

/// <summary>Looks at single connections of services whose requests are admitted, from any process.</summary>
internal sealed class AdmissionLooks : IDisposable
{
    private readonly BpfMap _states, _cells;
    private readonly IdTable _ids;
    private readonly IReadOnlyList<AdmissionUse> _uses;

    private AdmissionLooks(BpfMap states, BpfMap cells, IdTable ids, IReadOnlyList<AdmissionUse> uses) => (_states, _cells, _ids, _uses) = (states, cells, ids, uses);

    /// <summary>Opens what the enforcer pinned.</summary>
    /// <returns>Null where nothing is admitted.</returns>
    public static AdmissionLooks? Open(Pins pins, IdTable ids)
    {
        string states = pins.Map(AdmissionKernel.Connections), cells = pins.Map("admission_cells");
        return File.Exists(states) && File.Exists(cells) ? new AdmissionLooks(BpfMap.FromPin(states), BpfMap.FromPin(cells), ids, AdmissionStatus.Read(pins, ids)) : null;
    }

    /// <summary>How admission stands to a connection.</summary>
    /// <param name="pid">A process that holds the accepted end.</param>
    /// <param name="descriptor">By this descriptor.</param>
    /// <param name="virtualService">For whom its requests are, by the gates or by its front door; empty where no gate binds them.</param>
    /// <returns>Null where it is gone, or admission does not know it.</returns>
    public ConnectionAdmission? Of(int pid, int descriptor, out string virtualService)
    {
        virtualService = "";
        int process = ConnectionDescriptor.OpenProcess(pid);
        try
        {
            if (!ConnectionDescriptor.Look(process, descriptor, _states, out ConnectionState state, out bool held)) return null;
            TimeSpan? waits = state.ArrivedNs == 0 ? null : TimeSpan.FromMicroseconds(Math.Max(0, Stopwatch.GetTimestamp() - (long)state.ArrivedNs) / 1000.0); // both CLOCK_MONOTONIC, ns
            string service = "";
            if (state.Cell != 0 && _cells.TryLookup(state.Cell, out Cell cell))
            {
                virtualService = _ids.Name(IdKind.VirtualService, cell.VirtualService) ?? "";
                service = _ids.Name(IdKind.Service, cell.Service & ~AdmissionCells.AtDoor) ?? "";
            }

            string asked = virtualService;
            return new ConnectionAdmission(held, waits, state.ReceivedNs != 0, state.Door != 0 ? service : "", _uses.FirstOrDefault(use => use.VirtualService == asked && use.Service == service));
        }
        finally
        {
            ConnectionDescriptor.CloseProcess(process);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _states.Dispose();
        _cells.Dispose();
    }
}
