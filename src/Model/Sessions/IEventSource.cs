namespace VirtualServices.Model.Sessions;

/// <summary>A session as the inference sees it: inventory, and events in time order with bounded memory.</summary>
public interface IEventSource : IDisposable
{
    /// <summary>Inventory, clock and losses.</summary>
    SessionInfo Info { get; }

    /// <summary>Descriptions so far, in the order of their <see cref="CallKind.Describe"/> events; <see cref="SessionEvent.Child"/> of such an event is the index. Only the latest need be kept: an older one may throw, so look at a description when its event is read.</summary>
    IReadOnlyList<SocketDescription> Descriptions { get; }

    /// <summary>Names of virtual services that events know (<see cref="SessionEvent.VirtualService"/>); none in a recording.</summary>
    IReadOnlyList<string> VirtualServices => [];

    /// <summary>Reads the next events, sorted by the time of their effect, into the buffer: a receive, accept or wait took effect when it ended, every other call when it began.</summary>
    /// <returns>How many; 0 at the end.</returns>
    int Read(Span<SessionEvent> buffer);

    /// <summary>After the end: true where the recording was cut and what is here is what came before the cut.</summary>
    bool Truncated { get; }
}
