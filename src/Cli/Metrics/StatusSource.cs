using VirtualServices.Enforce;

namespace VirtualServices.Cli.Metrics;

/// <summary>The status for one scrape: some twenty instruments ask for it at once, the kernel is read once.</summary>
/// <param name="read">Reads the status.</param>
/// <param name="clock">Time.</param>
internal sealed class StatusSource(Func<EnforcementStatus> read, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(200);
    private readonly Lock _lock = new();
    private EnforcementStatus _last = EnforcementStatus.Nothing;
    private long _readAt;
    private bool _closed;

    /// <summary>A status that is at most a fifth of a second old.</summary>
    public EnforcementStatus Get()
    {
        lock (_lock)
        {
            if (_closed || (_readAt != 0 && clock.GetElapsedTime(_readAt) < Fresh)) return _last;
            _last = read();
            _readAt = clock.GetTimestamp();
            return _last;
        }
    }

    /// <summary>Nothing is read after this: the enforcer may close the kernel's maps.</summary>
    public void Dispose()
    {
        lock (_lock) _closed = true;
    }
}
