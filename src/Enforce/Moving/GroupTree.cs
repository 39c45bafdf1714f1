using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Moving;

/// <summary>
/// The cgroups of the virtual services: <c>/virtual-services/PARENT/CHILD/_self</c>. Processes live in <c>_self</c> only, beside the children of their
/// virtual service, because cgroup v2 allows processes in groups without children only.
/// </summary>
internal sealed class GroupTree(CpuHierarchy hierarchy)
{
    /// <summary>The group that holds all of ours.</summary>
    public const string Root = "/virtual-services";

    private const string Leaf = "_self";
    private const string TakersPath = Root + "/_takers";
    private (string Path, ulong Id) _takers;
    private readonly Dictionary<uint, (string Path, ulong Id)> _leaves = [];

    /// <summary>The hierarchy.</summary>
    public CpuHierarchy Hierarchy => hierarchy;

    /// <summary>Virtual services that have a group.</summary>
    public IReadOnlyCollection<uint> VirtualServices => _leaves.Keys;

    /// <summary>Makes the groups that are missing and sets all shares.</summary>
    /// <param name="virtualServices">Parents before children.</param>
    /// <param name="cancellation">Ends it early.</param>
    public void Apply(IReadOnlyList<(uint Id, VirtualService VirtualService)> virtualServices, CancellationToken cancellation)
    {
        // Outside our tree the tenants keep the weight they would have as groups of their own.
        int weight = Math.Clamp(virtualServices.Where(vs => vs.VirtualService.Parent is null).Sum(vs => vs.VirtualService.Cpu.Weight), 1, 10_000);
        hierarchy.Create(Root);
        hierarchy.SetShare(Root, new CpuShare(weight));

        // They work for all, so they have the weight of all; they use little of it, and so run when a connection wakes them.
        hierarchy.Create(TakersPath);
        hierarchy.SetShare(TakersPath, new CpuShare(weight));
        _takers = (TakersPath, hierarchy.Id(TakersPath));
        Dictionary<string, string> groups = [];
        foreach ((_, VirtualService vs) in virtualServices) groups[vs.Name] = $"{(vs.Parent is null ? Root : groups[vs.Parent])}/{vs.Name}";

        // Of an enforcer before: v1 refuses a parent's maximum below the one that a child still has. Children first, as far as the kernel takes it; all again below.
        foreach ((_, VirtualService vs) in virtualServices.Reverse())
            if (vs.Parent is not null) hierarchy.TrySetShare(groups[vs.Name], vs.Cpu);
        foreach ((uint id, VirtualService vs) in virtualServices)
        {
            cancellation.ThrowIfCancellationRequested();
            string group = groups[vs.Name];
            hierarchy.Create(group);
            hierarchy.SetShare(group, vs.Cpu);
            string leaf = Below(group);
            hierarchy.Create(leaf);
            hierarchy.SetShare(leaf, new CpuShare());
            _leaves[id] = (leaf, hierarchy.Id(leaf));
        }
    }

    /// <summary>Group for the processes of a virtual service; best effort's where it has none.</summary>
    public (string Path, ulong Id) LeafOf(uint virtualService) => virtualService == IdTable.Takers ? _takers : _leaves.TryGetValue(virtualService, out (string, ulong) leaf) ? leaf : _leaves[IdTable.BestEffort];

    /// <summary>Group of a virtual service, which holds its processes and its children and has its share.</summary>
    public string GroupOf(uint virtualService) => Path.GetDirectoryName(_leaves[virtualService].Path)!;

    /// <summary>Group for the processes of a virtual service.</summary>
    /// <param name="names">Its name after those of its parents, the topmost first.</param>
    public static string LeafPath(IEnumerable<string> names) => Below($"{Root}/{string.Join('/', names)}");

    /// <summary>True for a path inside our tree.</summary>
    public static bool Contains(string group) => group.StartsWith(Root + "/", StringComparison.Ordinal);

    private static string Below(string group) => $"{group}/{Leaf}";

    /// <summary>Removes groups of virtual services that are no more; they must be empty by now. One that is not stays until it is.</summary>
    public void RemoveOthers()
    {
        HashSet<string> kept = [Root, TakersPath];
        foreach ((string path, _) in _leaves.Values)
            for (string? group = path; group is not null && group.Length > Root.Length; group = Path.GetDirectoryName(group)) kept.Add(group);
        foreach (string group in hierarchy.Tree(Root).Select(group => "/" + group.TrimStart('/')))
            if (!kept.Contains(group) && hierarchy.Processes(group).Count == 0) hierarchy.Remove(group);
    }
}
