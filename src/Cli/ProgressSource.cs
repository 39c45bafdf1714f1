using System.Globalization;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Cli;

/// <summary>Says every two seconds how far reading a session has come, on stderr.</summary>
internal sealed class ProgressSource(IEventSource inner, string what, CommandContext context) : IEventSource
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private long _events;
    private long _said = context.Clock.GetTimestamp();

    public SessionInfo Info => inner.Info;

    public IReadOnlyList<SocketDescription> Descriptions => inner.Descriptions;

    public IReadOnlyList<string> VirtualServices => inner.VirtualServices;

    public bool Truncated => inner.Truncated;

    public int Read(Span<SessionEvent> buffer)
    {
        context.Cancellation.ThrowIfCancellationRequested();
        int count = inner.Read(buffer);
        _events += count;
        if (context.Clock.GetElapsedTime(_said) >= Interval)
        {
            _said = context.Clock.GetTimestamp();
            context.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {_events:N0} events"));
        }

        return count;
    }

    public void Dispose() => inner.Dispose();
}
