using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Tc;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Network;

/// <summary>
/// The HTB classes of one device: below the class of the device itself one for each virtual service, in their hierarchy. Packets queue in classes without children only,
/// so a virtual service that has children has one more beside them for its own packets, as it has the cgroup <c>_self</c>.
/// </summary>
/// <param name="Classes">Parents before children.</param>
/// <param name="Leaves">The class that takes the packets of a virtual service. One map tells the filter of all devices: the part that it gets for certain is that of this device, and may differ where something is assured.</param>
internal sealed record ClassPlan(IReadOnlyList<HtbClass> Classes, IReadOnlyDictionary<uint, NetworkClass> Leaves)
{
    /// <summary>Handle of the discipline that is ours on every device.</summary>
    public static readonly TcHandle Discipline = new(0x7653, 0);

    /// <summary>Class of the whole device.</summary>
    public static readonly TcHandle Device = new(0x7653, 0xffff);

    /// <summary>Weight of a virtual service's own packets beside its children, as that of its own processes.</summary>
    private const int OwnWeight = 100;

    private const ushort OwnFlag = 0x4000; // ids of virtual services are below (the map vs_alive has 16384 entries)
    private const int LargestPacket = 65_536, LargestQuantum = 16 * 1024 * 1024;

    /// <summary>Minor number of the class for unclassified packets.</summary>
    public static ushort DefaultClass => (ushort)IdTable.BestEffort;

    /// <summary>Virtual service of a class, and whether it is the one for its own packets beside its children.</summary>
    public static (uint VirtualService, bool Own) OwnerOf(TcHandle handle) => ((uint)(handle.Minor & ~OwnFlag), (handle.Minor & OwnFlag) != 0);

    /// <summary>Plans a device.</summary>
    /// <param name="virtualServices">Parents before children.</param>
    /// <param name="bitsPerSecond">Rate of the device.</param>
    public static ClassPlan Make(IReadOnlyList<(uint Id, VirtualService VirtualService)> virtualServices, long bitsPerSecond)
    {
        List<Node> nodes = Tree(virtualServices);
        Node root = nodes[0];
        root.Rate = root.Ceiling = bitsPerSecond;
        root.Part = 1;
        foreach (Node node in nodes) Share(node);
        Node[] leaves = [.. nodes.Where(node => node.Children.Count == 0)];

        // Best effort borrows after all others, so its turns are not among theirs: its small part would make all of theirs long, and a class has what is left to itself for as long as its turn lasts.
        double[] parts = [.. leaves.Where(leaf => leaf.Id != IdTable.BestEffort).Select(leaf => leaf.Part).DefaultIfEmpty(1)];
        double scale = Math.Min(LargestPacket / parts.Min(), LargestQuantum / parts.Max());
        return new ClassPlan(
            [.. nodes.Select(node => new HtbClass(node.Handle, node.Parent?.Handle ?? Discipline, node.Rate, node.Ceiling, Burst(node.Ceiling), (uint)Math.Clamp(Math.Round(node.Part * scale), LargestPacket, LargestQuantum), node.Id == IdTable.BestEffort ? 1u : 0))],
            leaves.ToDictionary(leaf => leaf.Id, leaf => new NetworkClass(leaf.Handle.Minor, (uint)(1e6 * leaf.Rate / bitsPerSecond))));
    }

    /// <summary>Sum of what has to be kept free on a device.</summary>
    public static Int128 AssuredSum(IReadOnlyList<(uint Id, VirtualService VirtualService)> virtualServices) => Tree(virtualServices)[0].Children.Aggregate((Int128)0, (sum, child) => sum + child.Assured);

    // A timer that comes late by so much must not cost rate, and one packet of the largest size always passes.
    private static long Burst(long bitsPerSecond) => LargestPacket + bitsPerSecond / 8 / 500;

    private static List<Node> Tree(IReadOnlyList<(uint Id, VirtualService VirtualService)> virtualServices)
    {
        Node root = new(IdTable.None, Device, null, 1, 0, long.MaxValue);
        List<Node> nodes = [root];
        Dictionary<string, Node> byName = [];
        foreach ((uint id, VirtualService vs) in virtualServices)
        {
            Node parent = vs.Parent is null ? root : byName[vs.Parent];
            if (parent != root && parent.Children.Count == 0) nodes.Add(new Node(parent.Id, new TcHandle(Discipline.Major, (ushort)(parent.Id | OwnFlag)), parent, OwnWeight, 0, long.MaxValue));
            byName[vs.Name] = new Node(id, new TcHandle(Discipline.Major, (ushort)id), parent, vs.Network.Weight, vs.Network.AssuredBitsPerSecond ?? 0, vs.Network.MaxBitsPerSecond ?? long.MaxValue);
            nodes.Add(byName[vs.Name]);
        }

        for (int i = nodes.Count - 1; i >= 0; i--)
            nodes[i].Assured = (long)Int128.Min(long.MaxValue, Int128.Max(nodes[i].Assured, nodes[i].Children.Aggregate((Int128)0, (sum, child) => sum + child.Assured)));
        return nodes;
    }

    private static void Share(Node node)
    {
        if (node.Children.Count == 0) return;
        long[] rates = RateSplit.Split(node.Rate, [.. node.Children.Select(child => new RateSplit.Claim(child.Weight, Math.Min(child.Assured, node.Rate), Math.Min(child.Max, node.Ceiling)))]);
        double weights = node.Children.Sum(child => (double)child.Weight);
        for (int i = 0; i < rates.Length; i++)
        {
            Node child = node.Children[i];
            child.Ceiling = Math.Max(8, Math.Min(child.Max, node.Ceiling));
            child.Rate = Math.Clamp(rates[i], 8, child.Ceiling);
            child.Part = node.Part * child.Weight / weights;
        }
    }

    private sealed class Node
    {
        public Node(uint id, TcHandle handle, Node? parent, int weight, long assured, long max)
        {
            (Id, Handle, Parent, Weight, Assured, Max) = (id, handle, parent, weight, assured, max);
            parent?.Children.Add(this);
        }

        public uint Id { get; }

        public TcHandle Handle { get; }

        public Node? Parent { get; }

        public List<Node> Children { get; } = [];

        public int Weight { get; }

        public long Assured { get; set; }

        public long Max { get; }

        public long Rate { get; set; }

        public long Ceiling { get; set; }

        /// <summary>Part of the device by weights alone: orders what is borrowed.</summary>
        public double Part { get; set; }
    }
}
