using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Admission;

/// <summary>The counters that kernel and enforcer share: one cell for each virtual service at each admitted service, a second one in front of it.</summary>
internal sealed class AdmissionCells : IDisposable
{
    /// <summary>In the number of a service: as seen at the front ends (IN_FRONT in admission.h).</summary>
    public const uint InFront = 0x8000_0000;

    private const uint Charged = 0x4000_0000;
    private readonly MappedArray<Cell> _cells;
    private readonly Dictionary<(uint VirtualService, uint Service), int> _index = [];
    private int _used;

    /// <summary>Makes the cells and tells the kernel which one each requester is charged to.</summary>
    /// <exception cref="VsException">More than the kernel's table holds.</exception>
    public AdmissionCells(AdmissionKernel kernel, CompiledRules rules)
    {
        _cells = new MappedArray<Cell>(kernel["admission_cells"]);
        BpfMap index = kernel["admission_index"];
        if (2L * rules.VirtualServices.Count * rules.Admission.Services.Count >= _cells.Count)
            throw new VsException(ExitCode.HostLacks, $"admission counts at most {(_cells.Count - 1) / 2} pairs of virtual service and service, the rules have {(long)rules.VirtualServices.Count * rules.Admission.Services.Count}: bind requests at fewer services");
        foreach (AdmittedService service in rules.Admission.Services)
            foreach (uint part in (ReadOnlySpan<uint>)[service.Id, service.Id | InFront])
                foreach ((uint requester, _) in rules.VirtualServices)
                {
                    if (rules.Admission.Target(service, requester) is not { } target) continue;
                    int cell = Make(target, part, rules.Admission.GateOf(service, requester));
                    index.Update(new AccountKey(requester, part), (uint)cell);
                    index.Update(new AccountKey(target, part | Charged), (uint)cell);
                }
    }

    /// <summary>A cell in place.</summary>
    public ref Cell this[int index] => ref _cells[index];

    /// <summary>Number of the cell; 0 where there is none.</summary>
    public int Find(uint virtualService, uint service) => _index.GetValueOrDefault((virtualService, service));

    /// <inheritdoc/>
    public void Dispose() => _cells.Dispose();

    private int Make(uint virtualService, uint service, uint gate)
    {
        if (_index.TryGetValue((virtualService, service), out int known)) return known;
        int made = ++_used;
        _cells[made] = new Cell { VirtualService = virtualService, Service = service, Gate = gate };
        return _index[(virtualService, service)] = made;
    }
}
