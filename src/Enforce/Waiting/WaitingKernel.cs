using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Waiting;

/// <summary>The programs that send calls into the waiting room. They live as long as the enforcer: without it nobody waits.</summary>
internal sealed class WaitingKernel : IDisposable
{
    private const string Resource = "waiting.bpf.o";
    private static readonly string[] Hooks = ["on_fork_waits", "on_socket_waits"];

    private readonly BpfObject _programs;
    private readonly List<BpfLink> _links = [];
    private readonly List<BpfMap> _maps = [];

    private WaitingKernel(BpfObject programs) => _programs = programs;

    private static Lazy<bool> HooksLoad { get; } = new(() => GateKernel.HasSecurityHooks && Loads());

    /// <summary>True where calls can be made to wait: BPF programs may be security hooks (<c>bpf</c> is in <c>/sys/kernel/security/lsm</c>), these may sleep, and read extended attributes (Linux 6.12).</summary>
    public static bool Works => HooksLoad.Value;

    /// <summary>Who waits.</summary>
    public BpfMap Waiters => Map("waiters");

    /// <summary>Loads the programs on the maps of the gates; <see cref="Begin"/> attaches them.</summary>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public static WaitingKernel Load(GateKernel gates)
    {
        BpfObject programs = BpfObject.Open(GateKernel.Image(Resource), "waiting");
        WaitingKernel kernel = new(programs);
        try
        {
            HashSet<string> own = [.. programs.Maps()];
            foreach (string name in GateKernel.Maps)
                if (own.Contains(name)) programs.ReuseMap(name, gates[name]);
            programs.Load();
            return kernel;
        }
        catch
        {
            kernel.Dispose();
            throw;
        }
    }

    /// <summary>From now on calls wait that meet a limit.</summary>
    /// <param name="door">The process of the waiting room.</param>
    public void Begin(int door)
    {
        Map("door").Update(0u, (uint)door);
        foreach (string hook in Hooks) _links.Add(_programs.Attach(hook));
    }

    /// <summary>From now on nobody new waits.</summary>
    public void End()
    {
        foreach (BpfLink link in _links) link.Dispose();
        _links.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        End();
        foreach (BpfMap map in _maps) map.Dispose();
        _programs.Dispose();
    }

    private static bool Loads()
    {
        using BpfObject programs = BpfObject.Open(GateKernel.Image(Resource), "waiting");
        try
        {
            programs.Load();
            return true;
        }
        catch (BpfException)
        {
            return false;
        }
    }

    private BpfMap Map(string name)
    {
        if (_maps.Find(map => map.Name == name) is { } known) return known;
        _maps.Add(_programs.Map(name));
        return _maps[^1];
    }
}
