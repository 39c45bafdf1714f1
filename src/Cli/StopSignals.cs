using System.Runtime.InteropServices;

namespace VirtualServices.Cli;

/// <summary>
/// Turns the first Ctrl-C, SIGTERM or SIGHUP into a cancellation, so that a command ends cleanly. The second one ends the process, unless that would leave something behind.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private volatile Action? _notice;

    public StopSignals() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop),
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop),
    ];

    public CancellationToken Token => _source.Token;

    /// <summary>Makes further signals only say that the end is near.</summary>
    /// <param name="notice">Hears of each.</param>
    public void Insist(Action notice) => _notice = notice;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations) registration.Dispose();
        _source.Dispose();
    }

    private void Stop(PosixSignalContext signal)
    {
        bool again = _source.IsCancellationRequested;
        if (again && _notice is null) return;
        signal.Cancel = true;
        if (again) _notice?.Invoke();
        else _source.Cancel();
    }
}
