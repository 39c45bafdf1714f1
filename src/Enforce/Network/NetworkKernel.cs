using System.Text;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Network;

/// <summary>The classifier of the devices and its maps. The maps are pinned beside those of the gates; the program lives as long as a device has it as its filter.</summary>
internal sealed class NetworkKernel : IDisposable
{
    /// <summary>Name of the filter on the devices.</summary>
    public const string FilterName = "virtual-services";

    private const string Resource = "shares.bpf.o", ClassMap = "network_classes", UseMap = "network_use", DeviceMap = "network_devices";
    private static readonly string[] Shared = ["sock_tags", "task_tags"], Own = [ClassMap, UseMap, DeviceMap];
    private readonly Dictionary<string, BpfMap> _maps = [];

    private NetworkKernel(BpfProgram? program) => Program = program;

    /// <summary>The classifier; null where only the maps were opened.</summary>
    public BpfProgram? Program { get; }

    /// <summary>Loads the classifier. What an earlier enforcer counted and noted stays.</summary>
    public static NetworkKernel Load(Pins pins, GateKernel gates)
    {
        using BpfObject programs = BpfObject.Open(Image(), "shares");
        List<BpfMap> earlier = [];
        try
        {
            foreach (string name in Shared) programs.ReuseMap(name, gates[name]);
            foreach (string name in Own.Where(name => File.Exists(pins.Map(name))))
            {
                earlier.Add(BpfMap.FromPin(pins.Map(name)));
                programs.ReuseMap(name, earlier[^1]);
            }

            programs.Load();
            NetworkKernel kernel = new(programs.Program("choose_class"));
            foreach (string name in Own)
            {
                kernel._maps[name] = programs.Map(name);
                if (!File.Exists(pins.Map(name))) kernel._maps[name].Pin(pins.Map(name));
            }

            return kernel;
        }
        finally
        {
            foreach (BpfMap map in earlier) map.Dispose();
        }
    }

    /// <summary>Loads the classifier for a moment, to see whether this kernel takes it.</summary>
    public static T Try<T>(Func<BpfProgram, T> use)
    {
        using BpfObject programs = BpfObject.Open(Image(), "shares");
        programs.Load();
        using BpfProgram program = programs.Program("choose_class");
        return use(program);
    }

    /// <summary>True where an enforcer governed devices, and nobody stopped it since.</summary>
    public static bool IsPinned(Pins pins) => Own.All(name => File.Exists(pins.Map(name)));

    /// <summary>Opens the maps of an earlier enforcer; null where no device was ever governed.</summary>
    public static NetworkKernel? TryOpen(Pins pins)
    {
        if (!IsPinned(pins)) return null;
        NetworkKernel kernel = new(null);
        foreach (string name in Own) kernel._maps[name] = BpfMap.FromPin(pins.Map(name));
        return kernel;
    }

    /// <summary>Tells the classifier which classes take whose packets; nobody else has a class from then on.</summary>
    public void SetLeaves(IReadOnlyDictionary<uint, NetworkClass> leaves)
    {
        BpfMap map = _maps[ClassMap];
        for (uint id = 0; id < map.MaxEntries; id++)
        {
            map.TryLookup(id, out NetworkClass present);
            NetworkClass wanted = leaves.GetValueOrDefault(id);
            if (present != wanted) map.Update(id, wanted);
        }
    }

    /// <summary>What was sent for a virtual service over governed devices; 0 for unclassified packets.</summary>
    public NetworkUse Use(uint virtualService)
    {
        NetworkUse[] perCpu = new NetworkUse[BpfMap.PossibleCpus];
        NetworkUse sum = default;
        if (!_maps[UseMap].TryLookupPerCpu<uint, NetworkUse>(virtualService, perCpu)) return sum;
        foreach (NetworkUse use in perCpu) sum = new NetworkUse(sum.Bytes + use.Bytes, sum.Packets + use.Packets, sum.Dropped + use.Dropped);
        return sum;
    }

    /// <summary>Devices that are or should be governed.</summary>
    public IReadOnlyDictionary<(ulong Netns, int Index), DeviceNote> Devices()
    {
        Dictionary<(ulong, int), DeviceNote> all = [];
        foreach (NetworkDeviceKey key in _maps[DeviceMap].Keys<NetworkDeviceKey>())
            if (_maps[DeviceMap].TryLookup(key, out NetworkDeviceRecord record))
                all[(key.Netns, (int)key.Index)] = new DeviceNote(Text(record.Name), Text(record.Netns), (long)record.BitsPerSecond, Text(record.Refusal));
        return all;
    }

    /// <summary>Notes a device: before anything is done to it, so that whoever comes next can take it back.</summary>
    public void Note(ulong netns, int index, DeviceNote device)
    {
        NetworkDeviceRecord record = new() { BitsPerSecond = (ulong)device.BitsPerSecond };
        Copy(device.Name, record.Name);
        Copy(device.NetworkNamespace, record.Netns);
        Copy(device.Refusal, record.Refusal);
        _maps[DeviceMap].Update(new NetworkDeviceKey(netns, (uint)index, 0), record);
    }

    /// <summary>Forgets a device.</summary>
    public void Forget(ulong netns, int index) => _maps[DeviceMap].Delete(new NetworkDeviceKey(netns, (uint)index, 0));

    /// <inheritdoc/>
    public void Dispose()
    {
        Program?.Dispose();
        foreach (BpfMap map in _maps.Values) map.Dispose();
    }

    private static void Copy(string text, Span<byte> to)
    {
        ReadOnlySpan<byte> bytes = Encoding.UTF8.GetBytes(text);
        bytes[..Math.Min(bytes.Length, to.Length - 1)].CopyTo(to);
    }

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    private static byte[] Image()
    {
        using Stream stream = typeof(NetworkKernel).Assembly.GetManifestResourceStream(Resource) ?? throw new InvalidOperationException($"resource {Resource} is missing");
        byte[] image = new byte[stream.Length];
        stream.ReadExactly(image);
        return image;
    }
}

/// <summary>What is kept of a device.</summary>
/// <param name="Name">Its name.</param>
/// <param name="NetworkNamespace">Name or path that chose its namespace; empty for the enforcer's own.</param>
/// <param name="BitsPerSecond">Rate that is shared out; 0 where unknown.</param>
/// <param name="Refusal">Why it is not governed; empty where it is.</param>
internal sealed record DeviceNote(string Name, string NetworkNamespace, long BitsPerSecond, string Refusal);
