using System.Diagnostics;
using VirtualServices.Enforce.Admission;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Members;
using VirtualServices.Enforce.Moving;
using VirtualServices.Enforce.Network;
using VirtualServices.Enforce.Rules;
using VirtualServices.Enforce.Shares;
using VirtualServices.Enforce.Waiting;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>
/// Enforces a rule set until it is stopped. The gates live in the kernel and outlive this object: after a kill they go on classifying,
/// and the next enforcer takes over.
/// </summary>
public sealed class Enforcer : IDisposable
{
    private readonly EnforcerLock _lock;
    private readonly GateKernel _kernel;
    private readonly Mover _mover;
    private readonly Keeper _keeper;
    private readonly NetworkGovernor _network;
    private readonly AdmissionLoop? _admission;
    private readonly BlockingLimits? _blocking;
    private bool _ended;

    private Enforcer(EnforcerLock held, GateKernel kernel, Mover mover, Keeper keeper, NetworkGovernor network, AdmissionLoop? admission, BlockingLimits? blocking, bool audit)
    {
        _lock = held;
        _kernel = kernel;
        _mover = mover;
        _keeper = keeper;
        _network = network;
        _admission = admission;
        _blocking = blocking;
        Audit = audit;
    }

    /// <summary>True where nothing is moved.</summary>
    public bool Audit { get; }

    /// <summary>True where the gates of an earlier enforcer were taken over.</summary>
    public bool TookOver { get; private init; }

    /// <summary>How the mover's thread runs: <c>real-time</c>, <c>nice -20</c>, <c>normal</c>.</summary>
    public string MoverPriority => _mover.Priority;

    /// <summary>Ends with an exception where the enforcer cannot go on; never ends otherwise before <see cref="Stop"/>.</summary>
    public Task Completion => _keeper.Completion;

    /// <summary>Loads or takes over the gates, tags members, binds what runs already, and starts to move. On any failure all that was made is undone.</summary>
    /// <param name="rules">Rules; gates that are approved are enforced.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Ends the start early; all is undone.</param>
    /// <exception cref="VsException">The rules cannot be enforced, the host lacks something, or another enforcer runs.</exception>
    public static Enforcer Start(RuleSet rules, EnforceOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(options);
        Refusals.Check(rules, options.Audit); // before anything is touched
        HostAccess.RequireRoot("enforce rules");
        UnitCheck.Run(rules);
        HostRefusals.Check(rules, options.Audit);
        CpuHierarchy? hierarchy = options.Audit ? null : HostAccess.RequireCpuHierarchy();
        HostAccess.RequireBpfFileSystem();
        EnforcerLock held = EnforcerLock.TakeForEnforcer();
        bool fresh = !Pins.Default.Exist, swapped = false;
        GateKernel? kernel = null;
        Mover? mover = null;
        NetworkGovernor? network = null;
        AdmissionLoop? admission = null;
        BlockingLimits? blocking = null;
        try
        {
            kernel = OpenOrLoad(fresh, RuleReach.Of(rules), options);
            return Begin(rules, options, held, kernel, hierarchy, ref mover, ref network, ref admission, ref blocking, ref swapped, cancellation);
        }
        catch
        {
            blocking?.Dispose();
            admission?.Dispose();
            network?.Dispose();
            mover?.Dispose();
            kernel?.Dispose();

            // A takeover that fails before its rules are in force leaves the gates of the enforcer before as they are.
            if (fresh || swapped) Undo.All(options.Log);
            held.Dispose();
            throw;
        }
    }

    /// <summary>What is enforced now, read from the kernel.</summary>
    public EnforcementStatus Status() => StatusReader.Read(_kernel);

    /// <summary>Puts everything back: network devices, processes into their cgroups, gates, pins, groups and mount away.</summary>
    public void Stop()
    {
        End();
        Undo.All(null);
        _lock.Dispose();
    }

    /// <summary>Ends this enforcer but leaves the gates in the kernel as a kill would, unless <see cref="Stop"/> was called.</summary>
    public void Dispose()
    {
        if (_ended) return;
        End();
        _lock.Dispose();
    }

    private void End()
    {
        if (_ended) return;
        _ended = true;
        _keeper.Dispose();
        _blocking?.Dispose();
        _admission?.Dispose();
        _network.Dispose();
        _mover.Dispose();
        _kernel.Dispose();
    }

    private static Enforcer Begin(RuleSet rules, EnforceOptions options, EnforcerLock held, GateKernel kernel, CpuHierarchy? hierarchy, ref Mover? mover, ref NetworkGovernor? network, ref AdmissionLoop? admission, ref BlockingLimits? blocking, ref bool swapped, CancellationToken cancellation)
    {
        IdTable ids = IdTable.Read(kernel["names"]);
        CompiledRules compiled = RuleCompiler.Compile(rules, ids, options.Audit, cancellation);
        network = NetworkGovernor.Prepare(options.Audit ? [] : rules.Devices, compiled.VirtualServices, options.Log);
        GroupTree? tree = null;
        Reconciler? reconciler = null;
        if (hierarchy is not null)
        {
            HostAccess.EnableFastMoves(options.Log);
            tree = new GroupTree(hierarchy);
            reconciler = new Reconciler(kernel, tree, new Origins(kernel["origins"]), compiled.Stationary());
        }

        uint generation = PutInForce(kernel, compiled, ids, tree, options, ref swapped, cancellation);
        if (tree is null) Undo.Groups(kernel, options.Log); // audit moves nothing, so what an enforcer before moved goes back
        kernel.Keep(RuleReach.Of(rules));
        MemberScan scan = new(kernel, compiled, hierarchy is null ? null : new Homecoming(hierarchy, new Origins(kernel["origins"])));
        int members = scan.RunUntilStable();
        int bound = new ExistingConnections(kernel, compiled).Bind();
        if (compiled.Counters.Any(counter => counter.CountsSockets)) kernel.Run("count_sockets");
        if (compiled.Counters.Any(counter => counter.CountsProcesses)) kernel.Run("count_members");
        options.Log?.Invoke($"found {members} processes of front doors and services, bound {bound} that serve existing connections");
        cancellation.ThrowIfCancellationRequested();
        StartNetwork(network, kernel);
        mover = new Mover(kernel, tree, reconciler);
        if (kernel.TookOver && kernel["latencies"].TryLookup(0u, out Bytes4096 before)) mover.Latency.Merge(before);
        mover.Start();
        tree?.RemoveOthers();
        admission = AdmissionControl.Start(kernel, compiled, options);
        blocking = BlockingLimits.Start(kernel, compiled, options.Log);
        ShareKeeper? shares = tree is null ? null : new ShareKeeper(kernel, tree, compiled.VirtualServices);
        Keeper keeper = new(kernel, compiled, generation, scan, new ExistingConnections(kernel, compiled), mover, shares, reconciler, network, admission, options, hierarchy);
        keeper.Start();
        return new Enforcer(held, kernel, mover, keeper, network, admission, blocking, options.Audit) { TookOver = kernel.TookOver };
    }

    /// <summary>Shares first, then the rules, by one switch. Where that fails before the switch, the shares of the enforcer before are set again: they belong to its gates, which stay.</summary>
    private static uint PutInForce(GateKernel kernel, CompiledRules compiled, IdTable ids, GroupTree? tree, EnforceOptions options, ref bool swapped, CancellationToken cancellation)
    {
        uint present = RuleTables.Generation(kernel);
        SavedShares? shares = tree is null || present == 0 ? null : new SavedShares(tree.Hierarchy, GroupTree.Root);
        try
        {
            tree?.Apply(compiled.VirtualServices, cancellation);
            cancellation.ThrowIfCancellationRequested();
            uint next = RuleTables.Swap(kernel, compiled, ids, (ulong)Stopwatch.GetTimestamp());
            swapped = true;
            return next;
        }
        catch
        {
            swapped = RuleTables.Generation(kernel) != present;
            if (!swapped && shares is not null) Restore(shares, options.Log);
            throw;
        }
    }

    // The failure before is the one to tell.
    private static void Restore(SavedShares shares, Action<string>? log)
    {
        try
        {
            shares.Restore();
        }
        catch (VsException error)
        {
            log?.Invoke($"some shares of the enforcer before are not as they were: {error.Message}");
        }
    }

    private static void StartNetwork(NetworkGovernor network, GateKernel kernel)
    {
        try
        {
            network.Start(Pins.Default, kernel);
        }
        catch (BpfException error)
        {
            throw HostAccess.Explain("load the network classifier", error);
        }
    }

    private static GateKernel OpenOrLoad(bool fresh, Reach reach, EnforceOptions options)
    {
        try
        {
            if (fresh) return GateKernel.Load(Pins.Default, null, reach);
            GateKernel previous = GateKernel.Open(Pins.Default);
            if (Agent.TryRead(previous["agent"], out AgentRecord agent) && ((ReadOnlySpan<byte>)agent.Programs).SequenceEqual(GateKernel.ProgramDigest) && (previous.Reach.Names || !reach.Names) && (previous.Reach.Processes || !reach.Processes) && (previous.Reach.BeyondTcp || !reach.BeyondTcp))
            {
                options.Log?.Invoke("took over the gates of the enforcer before");
                return previous;
            }

            using (previous)
            {
                options.Log?.Invoke("replaced the gates of the enforcer before, whose tags and accounts stay");
                return GateKernel.Load(Pins.Default, previous, reach);
            }
        }
        catch (BpfException error)
        {
            throw HostAccess.Explain("load the gates", error);
        }
    }
}
