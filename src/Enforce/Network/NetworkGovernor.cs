using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Netlink;
using VirtualServices.Linux.Network;
using VirtualServices.Linux.Tc;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Network;

/// <summary>
/// Shares the chosen devices out: those that exist at the start, where a refusal refuses the start, and those that appear later, where it is logged and shown by the status.
/// One thread looks after the devices; it sleeps until the kernel has news.
/// </summary>
internal sealed class NetworkGovernor : IDisposable
{
    private const int LookEveryMilliseconds = 250; // namespaces come and go without news

    private readonly IReadOnlyList<GovernedDevice> _chosen;
    private readonly IReadOnlyList<(uint Id, VirtualService VirtualService)> _virtualServices;
    private readonly Action<string>? _log;
    private readonly Dictionary<string, GovernedNamespace> _namespaces = [];
    private readonly Thread _thread;
    private NetworkKernel? _kernel;
    private volatile bool _stop;

    private NetworkGovernor(IReadOnlyList<GovernedDevice> chosen, IReadOnlyList<(uint Id, VirtualService VirtualService)> virtualServices, Action<string>? log)
    {
        _chosen = chosen;
        _virtualServices = virtualServices;
        _log = log;
        _thread = new Thread(Run) { Name = "vs-network", IsBackground = true };
    }

    /// <summary>What ended the thread before its time, else null.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Looks at the devices that exist, and changes nothing.</summary>
    /// <exception cref="VsException">A device cannot be governed: names each, and why.</exception>
    public static NetworkGovernor Prepare(IReadOnlyList<GovernedDevice> chosen, IReadOnlyList<(uint Id, VirtualService VirtualService)> virtualServices, Action<string>? log)
    {
        NetworkGovernor governor = new(chosen, virtualServices, log);
        try
        {
            governor.FollowNamespaces();
            List<string> refusals = [];
            foreach (GovernedNamespace space in governor._namespaces.Values)
            {
                IReadOnlyList<Qdisc> disciplines = space.Control.Qdiscs();
                foreach (NetworkDevice device in space.Devices())
                    if (governor.ChoiceFor(device, space) is { } choice && governor.Check(device, space, choice, disciplines).Refusal is { Length: > 0 } refusal)
                        refusals.Add($"device {Name(device, space)}: {refusal}");
            }

            return refusals.Count == 0 ? governor : throw new VsException(ExitCode.HostLacks, $"these devices cannot be governed, nothing was changed:\n  {string.Join("\n  ", refusals)}");
        }
        catch
        {
            governor.Dispose();
            throw;
        }
    }

    /// <summary>Puts the classes on the devices and begins to look after them.</summary>
    /// <exception cref="VsException">The kernel refused: names device, class and the kernel's words.</exception>
    public void Start(Pins pins, GateKernel gates)
    {
        // Rules without devices still have to give back what earlier ones governed.
        if (_chosen.Count == 0 && !NetworkKernel.IsPinned(pins)) return;
        _kernel = NetworkKernel.Load(pins, gates);
        List<(GovernedNamespace Space, NetworkDevice Device, ClassPlan Plan)> done = [];
        IReadOnlyDictionary<uint, NetworkClass>? leaves = null;
        foreach (GovernedNamespace space in _namespaces.Values)
        {
            foreach (NetworkDevice device in space.Devices())
                if (Govern(device, space, strict: true) is { } plan)
                {
                    done.Add((space, device, plan));
                    leaves = plan.Leaves;
                }

            space.News.Drain();
            space.IsNew = false;
        }

        // Classes first, then the classifier, then classes of an earlier rule set away: no packet is sent to a class that is not there.
        _kernel.SetLeaves(leaves ?? ClassPlan.Make(_virtualServices, 1_000_000_000).Leaves);
        foreach ((GovernedNamespace space, NetworkDevice device, ClassPlan plan) in done) DeviceShares.RemoveOthers(space.Control, device, plan);
        NetworkUndo.RemoveUnlessNoted(_kernel, done.Select(one => (one.Space.Where.Inode, one.Device.Index)).ToHashSet(), _log);
        foreach (GovernedDevice choice in _chosen.Where(choice => !choice.IsPattern && !done.Any(one => choice.Matches(one.Device.Name, one.Space.Where.Name))))
            _log?.Invoke($"device {choice} is not there yet: it will be governed when it appears");
        if (_chosen.Count > 0) _thread.Start();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop = true;
        if (_thread.IsAlive) _thread.Join();
        _kernel?.Dispose();
        foreach (GovernedNamespace space in _namespaces.Values) space.Dispose();
        _namespaces.Clear();
    }

    private static string Name(NetworkDevice device, GovernedNamespace space) => space.Where.Name.Length > 0 ? $"{device.Name}@{space.Where.Name}" : device.Name;

    private GovernedDevice? ChoiceFor(NetworkDevice device, GovernedNamespace space) => _chosen.FirstOrDefault(choice => choice.Matches(device.Name, space.Where.Name));

    private (long Rate, string Refusal) Check(NetworkDevice device, GovernedNamespace space, GovernedDevice choice, IReadOnlyList<Qdisc> disciplines)
    {
        try
        {
            return (DeviceShares.RateOf(device, space.Where, choice, _virtualServices), DeviceShares.Refusal(device, disciplines) ?? "");
        }
        catch (VsException error)
        {
            return (0, error.Message);
        }
    }

    private ClassPlan? Govern(NetworkDevice device, GovernedNamespace space, bool strict)
    {
        if (ChoiceFor(device, space) is not { } choice) return null;
        IReadOnlyList<Qdisc> disciplines = space.Control.Qdiscs();
        (long rate, string refusal) = Check(device, space, choice, disciplines);
        DeviceNote note = new(device.Name, space.Where.Name, rate, refusal);
        _kernel!.Note(space.Where.Inode, device.Index, note);
        ClassPlan? plan = null;
        if (refusal.Length == 0)
        {
            try
            {
                plan = ClassPlan.Make(_virtualServices, rate);
                DeviceShares.Apply(space.Control, device, plan, _kernel.Program!, DeviceShares.Has(device, disciplines));
            }
            catch (NetlinkException error)
            {
                if (strict) throw new VsException(ExitCode.HostLacks, $"device {Name(device, space)}: {error.Message}", error);
                (plan, refusal) = (null, error.Message);
                _kernel.Note(space.Where.Inode, device.Index, note with { Refusal = refusal });
            }
        }

        space.Known[device.Index] = (device, plan is not null);
        _log?.Invoke(plan is not null ? $"device {Name(device, space)} is shared out at {rate / 1e6:0.###} mbit/s" : $"device {Name(device, space)} is not governed: {refusal}");
        return plan;
    }

    private void Run()
    {
        try
        {
            while (!_stop)
            {
                LinkNews.Wait([.. _namespaces.Values.Select(space => space.News)], LookEveryMilliseconds);
                FollowNamespaces();
                foreach (GovernedNamespace space in _namespaces.Values)
                {
                    if (!space.News.Drain() && !space.IsNew) continue;
                    space.IsNew = false;
                    FollowDevices(space);
                }
            }
        }
        catch (Exception error)
        {
            // The keeper's next round reports it and ends the enforcer.
            Failure = error;
        }
    }

    private void FollowDevices(GovernedNamespace space)
    {
        IReadOnlyList<NetworkDevice> devices = space.Devices();
        foreach (int index in space.Known.Keys.Except(devices.Select(device => device.Index)).ToList())
        {
            _kernel!.Forget(space.Where.Inode, index);
            space.Known.Remove(index);
        }

        foreach (NetworkDevice device in devices)
        {
            bool known = space.Known.TryGetValue(device.Index, out (NetworkDevice Device, bool Governed) before);
            if (known && before.Device.Name == device.Name) continue;
            if (ChoiceFor(device, space) is not null) Govern(device, space, strict: false);
            else if (known) Release(device, space, before.Governed);
        }
    }

    // Renamed to something that nobody chose.
    private void Release(NetworkDevice device, GovernedNamespace space, bool governed)
    {
        if (governed) space.Control.RemoveRoot(device.Index, device.Name, ClassPlan.Discipline);
        _kernel!.Forget(space.Where.Inode, device.Index);
        space.Known.Remove(device.Index);
    }

    private void FollowNamespaces()
    {
        HashSet<string> wanted = [.. _chosen.SelectMany(choice => choice.NetworkNamespace.AsSpan().IndexOfAny('*', '?') < 0
            ? [choice.NetworkNamespace]
            : NetworkNamespace.Names().Where(name => GovernedDevice.Means(choice.NetworkNamespace, name)))];
        foreach (string name in wanted.Union(_namespaces.Keys).ToList())
        {
            ulong? now = wanted.Contains(name) ? NetworkNamespace.InodeOf(name) : null;
            if (_namespaces.TryGetValue(name, out GovernedNamespace? present))
            {
                if (present.Where.Inode == now) continue;
                // Gone, or another one under the same name, as after a restart of a container.
                foreach (int index in present.Known.Keys) _kernel?.Forget(present.Where.Inode, index);
                present.Dispose();
                _namespaces.Remove(name);
            }

            if (now is not null && GovernedNamespace.TryOpen(name) is { } opened) _namespaces[name] = opened;
        }
    }
}
