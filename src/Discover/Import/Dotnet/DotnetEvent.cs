using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Dotnet;

/// <summary>An event of a nettrace file that says something of requests and calls.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="TimeNs">ns of the file's clock.</param>
/// <param name="Pid">Process.</param>
/// <param name="Tid">Thread that wrote it.</param>
/// <param name="Activity">Activity in which it was written, empty where the runtime did not follow them.</param>
/// <param name="Related">Begin of an activity: the one around it.</param>
internal sealed record DotnetEvent(DotnetEventKind Kind, long TimeNs, int Pid, int Tid, Guid Activity, Guid Related)
{
    /// <summary>Id of the connection: of Kestrel, of HttpClient, or of Npgsql.</summary>
    internal string Connection { get; init; } = "";

    /// <summary>Kestrel's id of the request. Process: its command line. System calls: the arguments.</summary>
    internal string Text { get; init; } = "";

    /// <summary>Which calls a span is of. System calls: the event's name.</summary>
    internal string Name { get; init; } = "";

    /// <summary>Id of the span, 0 for none.</summary>
    internal ulong Span { get; init; }

    /// <summary>Id of the span that it is part of, 0 for none.</summary>
    internal ulong Parent { get; init; }

    internal Endpoint Local { get; init; } = Endpoint.None;

    internal Endpoint Remote { get; init; } = Endpoint.None;
}

/// <summary>What an event of a .NET service says.</summary>
internal enum DotnetEventKind : byte
{
    /// <summary>Name of the process.</summary>
    Process,

    /// <summary>The service listens at <see cref="DotnetEvent.Local"/>.</summary>
    Listen,

    ConnectionStart,
    ConnectionStop,
    RequestStart,
    RequestStop,

    /// <summary>Span of a request that the service answers.</summary>
    ServerSpanStart,
    ServerSpanStop,

    /// <summary>Span of a call.</summary>
    ClientSpanStart,
    ClientSpanStop,

    /// <summary>Span within the service: part of the way from a call to its request.</summary>
    InnerSpanStart,

    HttpConnected,
    HttpClosed,

    /// <summary>HttpClient was asked for a call.</summary>
    HttpStart,

    /// <summary>It sends it over a connection.</summary>
    HttpSend,
    HttpStop,

    /// <summary>A tracepoint of the kernel.</summary>
    Tracepoint,
}
