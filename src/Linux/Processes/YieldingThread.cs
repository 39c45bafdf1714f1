namespace VirtualServices.Linux.Processes;

/// <summary>
/// Makes the calling thread leave its processor to others: it takes no processor from who runs when it wakes (<c>SCHED_BATCH</c>), and gets little where others want all (nice 10). Used and disposed by that thread.
/// Where the kernel does not allow a step, it is left out; a thread that has another policy than the usual one keeps it.
/// </summary>
public sealed class YieldingThread : IDisposable
{
    private const int Yielding = 10;
    private readonly bool _isNormal = ThreadScheduling.Policy == ThreadScheduling.Normal; // else somebody gave the process a priority on purpose
    private readonly int _before = ThreadScheduling.Nice;
    private bool _hurries;

    /// <summary>Begins to yield.</summary>
    public YieldingThread()
    {
        _hurries = true;
        Hurries = false;
    }

    /// <summary>Whether it takes its share as any other thread for now, because what it has to do cannot wait. No call where nothing changes.</summary>
    public bool Hurries
    {
        get => _hurries;
        set
        {
            if (_hurries == value) return;
            _hurries = value;
            if (!_isNormal) return;
            ThreadScheduling.SetPolicy(value ? ThreadScheduling.Normal : ThreadScheduling.Batch);
            ThreadScheduling.SetNice(value ? _before : Math.Max(_before, Yielding));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Hurries = true;
}
