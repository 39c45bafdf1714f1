using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Admission;

/// <summary>Reads what admission does from the pinned cells, from any process.</summary>
internal static class AdmissionStatus
{
    /// <summary>Cells that count something; none where nothing is admitted.</summary>
    public static IReadOnlyList<AdmissionUse> Read(Pins pins, IdTable ids)
    {
        if (!File.Exists(pins.Map("admission_cells")) || !File.Exists(pins.Map("admission_index"))) return [];
        using BpfMap cells = BpfMap.FromPin(pins.Map("admission_cells")), index = BpfMap.FromPin(pins.Map("admission_index"));
        HashSet<uint> used = [];
        foreach (AccountKey key in index.Keys<AccountKey>())
            if (index.TryLookup(key, out uint cell)) used.Add(cell);
        List<AdmissionUse> all = [];
        foreach (uint number in used.Order())
        {
            if (!cells.TryLookup(number, out Cell cell) || cell is { Arrived: 0, Received: 0, Held: 0 } || cell.Service >= AdmissionCells.AtDoor) continue;
            all.Add(new AdmissionUse(
                ids.Name(IdKind.VirtualService, cell.VirtualService) ?? "",
                ids.Name(IdKind.Service, cell.Service) ?? "",
                (int)cell.Held,
                (int)cell.HeldWaiting,
                (int)cell.Admitted,
                cell.Waiting,
                cell.InService,
                (long)cell.Received,
                (long)cell.DelayNs,
                (long)cell.CpuNs));
        }

        return all;
    }
}
