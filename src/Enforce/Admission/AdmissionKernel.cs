using System.Runtime.InteropServices;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Admission;

/// <summary>
/// The admission programs in the kernel. They live as long as the enforcer, because without it nobody is held; only what takes holds back and what
/// the status reads is pinned.
/// </summary>
internal sealed class AdmissionKernel : IDisposable
{
    private const string Resource = "admission.bpf.o";
    private const string ReleasePin = "admission_release";
    private static readonly string[] Attached = ["on_admission_state", "on_segment", "on_admission_receive", "on_admission_send"];
    internal const string Connections = "admission_connections";
    private static readonly string[] PinnedMaps = ["admission_cells", "admission_index", Connections];

    private readonly BpfObject _programs;
    private readonly List<BpfLink> _links = [];
    private readonly Dictionary<string, BpfMap> _maps = [];

    private AdmissionKernel(BpfObject programs) => _programs = programs;

    /// <summary>A map by its name in <c>admission_maps.h</c>.</summary>
    public BpfMap this[string name] => _maps.TryGetValue(name, out BpfMap? map) ? map : _maps[name] = _programs.Map(name);

    /// <summary>File whose reading takes every hold back.</summary>
    public static string ReleaseFile(Pins pins) => pins.Link(ReleasePin);

    /// <summary>Loads the programs on the maps of the gates, and pins; <see cref="Attach"/> begins. What an enforcer before held is let go first.</summary>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public static AdmissionKernel Load(GateKernel gates, Pins pins)
    {
        RemovePins(pins);
        BpfObject programs = BpfObject.Open(GateKernel.Image(Resource), "admission");
        AdmissionKernel kernel = new(programs);
        try
        {
            HashSet<string> own = [.. programs.Maps()];
            foreach (string name in GateKernel.Maps)
                if (own.Contains(name)) programs.ReuseMap(name, gates[name]);
            programs.Load();
            foreach (string name in PinnedMaps) kernel[name].Pin(pins.Map(name));
            using BpfLink release = programs.AttachIterator("release_all");
            release.Pin(ReleaseFile(pins));
            return kernel;
        }
        catch
        {
            kernel.Dispose();
            throw;
        }
    }

    /// <summary>Loads and attaches the programs for a moment, to see whether this kernel takes them. Without services that are admitted they do nothing.</summary>
    public static void Try()
    {
        using BpfObject programs = BpfObject.Open(GateKernel.Image(Resource), "admission");
        programs.Load();
        programs.AttachIterator("release_all").Dispose();
        programs.AttachIterator("list_admission", Environment.ProcessId).Dispose();
        foreach (string name in Attached) programs.Attach(name).Dispose();
    }

    /// <summary>Lets everything go that is held, whoever held it.</summary>
    public static void ReleaseAll(Pins pins)
    {
        if (!File.Exists(ReleaseFile(pins))) return;
        using BpfLink release = BpfLink.FromPin(ReleaseFile(pins));
        release.ReadIterator();
    }

    /// <summary>Lets everything go and removes the pins.</summary>
    public static void RemovePins(Pins pins)
    {
        ReleaseAll(pins);
        foreach (string pin in (IEnumerable<string>)[ReleaseFile(pins), .. PinnedMaps.Select(pins.Map)])
            if (File.Exists(pin)) File.Delete(pin);
    }

    /// <summary>Begins to follow turns.</summary>
    public void Attach()
    {
        foreach (string name in Attached) _links.Add(_programs.Attach(name));
    }

    /// <summary>A link that lists the connections of one process.</summary>
    /// <param name="pid">The process.</param>
    /// <returns>Null where it ended.</returns>
    public BpfLink? TryListOf(int pid)
    {
        const int NoSuchProcess = 3;
        try
        {
            return _programs.AttachIterator("list_admission", pid);
        }
        catch (BpfException error) when (error.Errno == NoSuchProcess)
        {
            return null;
        }
    }

    /// <summary>Connections of a process now.</summary>
    public static AdmissionRecord[] Read(BpfLink list) => MemoryMarshal.Cast<byte, AdmissionRecord>(list.ReadIterator()).ToArray();

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (BpfLink link in _links) link.Dispose();
        foreach (BpfMap map in _maps.Values) map.Dispose();
        _programs.Dispose();
    }
}
