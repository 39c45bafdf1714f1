using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Admission;

/// <summary>A process that serves turns, or whose connections may be held, or both.</summary>
/// <param name="pid">The process.</param>
/// <param name="started">When it started.</param>
/// <param name="place">Where its turns are admitted.</param>
/// <param name="index">Its entry in <c>admission_stations</c>; 0 for a front door, which serves no turns.</param>
/// <param name="list">Lists its connections; null where they must not be held.</param>
internal sealed class AdmissionProcess(int pid, ulong started, AdmissionPlace place, int index, BpfLink? list) : IDisposable
{
    /// <summary>When it started: with the pid this names it for good.</summary>
    public ulong Started { get; } = started;

    /// <summary>Where its turns are admitted.</summary>
    public AdmissionPlace Place { get; } = place;

    /// <summary>Its entry in <c>admission_stations</c>; 0 for a front door.</summary>
    public int Index { get; } = index;

    /// <summary>Lists its connections; null where they must not be held.</summary>
    public BpfLink? List { get; } = list;

    /// <summary>A descriptor of the process: it cannot become another one with the same number.</summary>
    public int Descriptor { get; } = list is null ? -1 : ConnectionDescriptor.OpenProcess(pid);

    /// <inheritdoc/>
    public void Dispose()
    {
        List?.Dispose();
        ConnectionDescriptor.CloseProcess(Descriptor);
    }
}

/// <summary>Where turns are admitted: a process that is held itself, or a whole service whose front doors are.</summary>
/// <param name="Service">Service that is admitted to.</param>
/// <param name="AtDoors">True where connections of front doors are held, because those of the service cannot be.</param>
/// <param name="Station">The decisions.</param>
internal sealed record AdmissionPlace(uint Service, bool AtDoors, AdmissionStation Station)
{
    private readonly Dictionary<int, long> _idle = [];
    private long _idleNs;

    /// <summary>Entries in <c>admission_stations</c> of the processes that serve its turns.</summary>
    public IReadOnlyCollection<int> Indices => _idle.Keys;

    /// <summary>A process serves turns here from now on.</summary>
    /// <param name="index">Its entry.</param>
    /// <param name="idleNs">What it was idle until now, all told.</param>
    public void Add(int index, long idleNs) => _idle[index] = idleNs;

    /// <summary>It serves no more.</summary>
    public void Remove(int index) => _idle.Remove(index);

    /// <summary>How long its processes were idle, all told, in the mean: what each was since the last time is added, so that none that comes or goes makes it jump.</summary>
    public long Idle(Func<int, long> read)
    {
        long more = 0;
        foreach (int index in _idle.Keys)
        {
            long now = read(index);
            more += now - _idle[index];
            _idle[index] = now;
        }

        return _idleNs += more / Math.Max(1, _idle.Count);
    }
}
