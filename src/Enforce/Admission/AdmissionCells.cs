using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Admission;

/// <summary>The counters that kernel and enforcer share: one cell for each virtual service at each admitted service, and one at its front doors.</summary>
internal sealed class AdmissionCells : IDisposable
{
    /// <summary>Added to a service's number: what its tenants are asked at their front doors, and how much of it is under way.</summary>
    public const uint AtDoor = 0x8000_0000;

    private readonly MappedArray<Cell> _cells;
    private readonly Dictionary<(uint VirtualService, uint Service), int> _index = [];

    /// <summary>Makes the cells and tells the kernel where they are.</summary>
    /// <exception cref="VsException">More than the kernel's table holds.</exception>
    public AdmissionCells(AdmissionKernel kernel, CompiledRules rules)
    {
        _cells = new MappedArray<Cell>(kernel["admission_cells"]);
        IReadOnlyList<(uint Id, Service Service)> services = rules.Admitted();
        if (2L * rules.VirtualServices.Count * services.Count >= _cells.Count)
            throw new VsException(ExitCode.HostLacks, $"admission counts at most {(_cells.Count - 1) / 2} pairs of virtual service and service, the rules have {(long)rules.VirtualServices.Count * services.Count}: bind requests at fewer services");
        BpfMap index = kernel["admission_index"];
        foreach (uint service in services.SelectMany(service => (uint[])[service.Id, service.Id | AtDoor]))
            foreach ((uint virtualService, _) in rules.VirtualServices)
            {
                int cell = _index.Count + 1;
                _cells[cell] = new Cell { VirtualService = virtualService, Service = service };
                _index[(virtualService, service)] = cell;
                index.Update(new AccountKey(virtualService, service), (uint)cell);
            }
    }

    /// <summary>Number of cells; theirs begin with 1.</summary>
    public int Count => _index.Count;

    /// <summary>A cell in place.</summary>
    public ref Cell this[int index] => ref _cells[index];

    /// <summary>Number of the cell; 0 where there is none.</summary>
    public int Find(uint virtualService, uint service) => _index.GetValueOrDefault((virtualService, service));

    /// <inheritdoc/>
    public void Dispose() => _cells.Dispose();
}
