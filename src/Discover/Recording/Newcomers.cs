using System.Collections.Concurrent;
using System.Diagnostics;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording;

/// <summary>
/// Finds what starts later: a service that is started again comes from init, not from what is recorded. Looking through procfs takes a tenth of a millisecond per process, so it is
/// done on a thread of its own, at most once a second, and for at most two percent of a processor's time.
/// </summary>
internal sealed class Newcomers : IDisposable
{
    private const int RestPerLook = 50;
    private static readonly TimeSpan ShortestRest = TimeSpan.FromSeconds(1);

    private readonly RecorderProgram _program;
    private readonly Inventory _inventory;
    private readonly IReadOnlyList<Service> _services;
    private readonly ConcurrentQueue<Newcomer> _found = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private volatile string? _failure;

    private Newcomers(RecorderProgram program, Inventory inventory, IReadOnlyList<Service> services)
    {
        _program = program;
        _inventory = inventory;
        _services = services;
        _thread = new Thread(Run) { IsBackground = true, Name = "newcomers" };
        _thread.Start();
    }

    /// <summary>Why the last look failed; null where it did not.</summary>
    internal string? Failure => _failure;

    /// <summary>Begins to look.</summary>
    /// <returns>Null where nothing can start later: process ids choose no process that is not there yet.</returns>
    internal static Newcomers? Start(RecorderProgram program, Inventory inventory, IReadOnlyList<Service> services)
    {
        Service[] lasting = [.. services.Select(service => service with { Match = [.. service.Match.Where(selector => selector.Kind != SelectorKind.Pid)] })];
        return lasting.Any(service => service.Match.Count > 0) ? new Newcomers(program, inventory, lasting) : null;
    }

    /// <summary>Takes what was found and is recorded since, in the order in which it was found.</summary>
    internal bool TryTake(out Newcomer found) => _found.TryDequeue(out found!);

    /// <summary>Looks no more; what was found stays to be taken.</summary>
    internal void Stop()
    {
        _stop.Cancel();
        _thread.Join();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Stop();
        _stop.Dispose();
    }

    private void Run()
    {
        TimeSpan rest = ShortestRest;
        while (!_stop.Token.WaitHandle.WaitOne(rest))
        {
            long began = Stopwatch.GetTimestamp();
            try
            {
                // What forked before it was marked and after procfs was read has children to be found.
                while (!_stop.IsCancellationRequested && Look())
                {
                }

                _failure = null;
            }
            catch (Exception error) when (error is VsException or BpfException or IOException)
            {
                _failure = error.Message;
            }

            TimeSpan longer = RestPerLook * Stopwatch.GetElapsedTime(began);
            rest = longer > ShortestRest ? longer : ShortestRest;
        }
    }

    private bool Look()
    {
        Targets targets = Targets.Find(_services, _inventory.Records);
        if (targets.Services.Count == 0) return false;

        // Its own children are recorded already, whether they are listed by now or not.
        targets.Keep(_program.Mark(targets.Services));
        if (targets.Services.Count == 0) return false;
        List<SocketRecord> sockets = targets.ExistingSockets();
        _found.Enqueue(new Newcomer([.. targets.ExistingProcesses(sockets, [.. _services.Select(service => service.Name)])], sockets));
        return true;
    }
}

/// <summary>Processes of the services that are recorded from now on, with their peers, and the sockets that they have already.</summary>
internal sealed record Newcomer(IReadOnlyList<ProcessRecord> Processes, IReadOnlyList<SocketRecord> Sockets);
