using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Nettrace;

/// <summary>Types of a payload field that are used here; numbers of the nettrace format.</summary>
internal enum FieldType : byte
{
    Utf16 = 18,
    Signed = 20,
    Unsigned = 21,
}

/// <summary>A field of an event's payload.</summary>
internal sealed record EventField(string Name, FieldType Type);

/// <summary>An event type of the file. The id is the metadata id, the event id and, for calls, the number of the <see cref="CallKind"/>.</summary>
internal sealed record EventType(int Id, string Name, IReadOnlyList<EventField> Fields, string Description);

/// <summary>The events that a session file holds. The file names their fields, so that any nettrace reader can show them.</summary>
internal static class EventSchema
{
    internal const string Provider = "VirtualServices";

    /// <summary>Ids of receives and sends that name the other end of a datagram.</summary>
    internal const int ReceiveFromId = 21, SendToId = 22;

    /// <summary>Ids of receives and sends whose source knows the request.</summary>
    internal const int ReceiveKnownId = 23, SendKnownId = 24;

    /// <summary>Id of the last event of a file that was ended cleanly.</summary>
    internal const int EndId = 30;

    /// <summary>Key in the trace block, with the version of the session format.</summary>
    internal const string VersionKey = "VirtualServices.FormatVersion";

    /// <summary>Key in the trace block: UTC minus clock in ns, exactly; the block's own anchor has milliseconds only.</summary>
    internal const string UtcOffsetKey = "VirtualServices.UtcOffsetNs";

    // The event's own time stamp is the end of the call, raised where needed so that the file is sorted.
    private static readonly EventField[] CallFields =
    [
        new("SinceEnter", FieldType.Unsigned),  // ns from the call's begin to the time stamp
        new("Duration", FieldType.Unsigned),    // ns
        new("Cpu", FieldType.Unsigned),         // CPU time of the thread so far, ns
        new("Socket", FieldType.Unsigned),      // id rotated left by one: keeps ids that are inode numbers short
        new("Result", FieldType.Signed),
        new("Fd", FieldType.Signed),
    ];

    // Index + 1 into the session's virtual services, 0 where not known; sessions of before have no such field.
    private static readonly EventField[] ReceiveFields = [.. CallFields, new("VirtualService", FieldType.Unsigned)];

    private static readonly EventField[] ForkFields = [.. CallFields, new("Child", FieldType.Signed), new("ChildPid", FieldType.Signed)];

    // The address as in SessionEvent: IPv4 mapped into IPv6, in two halves.
    private static readonly EventField[] PeerFields = [new("PeerHigh", FieldType.Unsigned), new("PeerLow", FieldType.Unsigned), new("PeerPort", FieldType.Unsigned)];

    private static readonly EventField RequestField = new("Request", FieldType.Unsigned);

    private static readonly EventField[] DescribeFields =
    [
        .. CallFields,
        new("Inode", FieldType.Unsigned),
        new("PeerInode", FieldType.Unsigned),
        new("PeerPid", FieldType.Signed),
        new("NetworkNamespace", FieldType.Unsigned),
        new("Protocol", FieldType.Unsigned),
        new("Role", FieldType.Unsigned),
        new("Local", FieldType.Utf16),
        new("Remote", FieldType.Utf16),
        new("Connection", FieldType.Utf16), // absent in sessions of before, as is what follows
        new("Host", FieldType.Utf16),
    ];

    private static readonly EventField[] EndFields = [new("Events", FieldType.Unsigned), new("Lost", FieldType.Unsigned)];

    internal static IReadOnlyList<EventType> Types { get; } =
    [
        Call(CallKind.Accept, "A connection was accepted"),
        Call(CallKind.Connect, "A connection was made or tried"),
        new((int)CallKind.Receive, nameof(CallKind.Receive), ReceiveFields, "Bytes were received"),
        Call(CallKind.Send, "Bytes were sent"),
        Call(CallKind.Close, "A descriptor was closed"),
        new((int)CallKind.Fork, nameof(CallKind.Fork), ForkFields, "A process or thread was made"),
        Call(CallKind.Exec, "Another program was executed"),
        Call(CallKind.Exit, "A thread ended"),
        new((int)CallKind.Wake, nameof(CallKind.Wake), ForkFields, "A thread woke another"),
        Call(CallKind.Switch, "A thread left the processor"),
        new((int)CallKind.Describe, nameof(CallKind.Describe), DescribeFields, "What is known of a socket"),
        Call(CallKind.Listen, "A socket began to listen"),
        Call(CallKind.Create, "A socket, pipe end or eventfd was made"),
        Call(CallKind.Bind, "A socket got its local address"),
        Call(CallKind.Shutdown, "A direction of a connection was ended"),
        Call(CallKind.Duplicate, "A descriptor was duplicated"),
        Call(CallKind.Wait, "A thread asked which descriptors are ready"),
        Call(CallKind.Pass, "A descriptor came from another process"),
        new(ReceiveFromId, "ReceiveFrom", [.. ReceiveFields, .. PeerFields], "A datagram was received"),
        new(SendToId, "SendTo", [.. CallFields, .. PeerFields], "A datagram was sent"),
        new(ReceiveKnownId, "ReceiveKnown", [.. ReceiveFields, .. PeerFields, RequestField], "Bytes of a known request were received"),
        new(SendKnownId, "SendKnown", [.. CallFields, .. PeerFields, RequestField], "Bytes were sent for a known request"),
        new(EndId, "End", EndFields, "The recording ended cleanly"),
    ];

    /// <summary>What an event of this type says; null where it is no call, or one of a later version.</summary>
    internal static CallKind? CallOf(int type) => type switch
    {
        > (int)CallKind.None and <= (int)CallKind.Pass => (CallKind)type,
        ReceiveFromId or ReceiveKnownId => CallKind.Receive,
        SendToId or SendKnownId => CallKind.Send,
        _ => null,
    };

    private static EventType Call(CallKind kind, string description) => new((int)kind, kind.ToString(), CallFields, description);
}
