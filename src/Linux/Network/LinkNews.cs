using System.Runtime.InteropServices;
using VirtualServices.Linux.Netlink;

namespace VirtualServices.Linux.Network;

/// <summary>Tells when devices of a namespace come, go or change (RTMGRP_LINK).</summary>
public sealed class LinkNews : IDisposable
{
    private const uint Links = 1;
    private readonly RouteSocket _socket = new(Links);

    /// <summary>Takes what has come.</summary>
    /// <returns>True where something has changed since the last call.</returns>
    public bool Drain() => _socket.DrainNews();

    /// <summary>Waits until one of several has news, at most so long.</summary>
    public static unsafe void Wait(IReadOnlyList<LinkNews> all, int milliseconds)
    {
        ArgumentNullException.ThrowIfNull(all);
        const short Readable = 1;
        Span<PollRequest> requests = all.Count <= 128 ? stackalloc PollRequest[all.Count] : new PollRequest[all.Count];
        for (int i = 0; i < all.Count; i++) requests[i] = new PollRequest { Descriptor = all[i]._socket.Descriptor, Events = Readable };
        // Interrupted or refused: the caller looks anyway.
        fixed (PollRequest* first = requests) _ = Native.poll(first, (nuint)requests.Length, milliseconds);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollRequest
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}

internal static unsafe partial class Native
{
    [LibraryImport("libc")]
    internal static partial int poll(LinkNews.PollRequest* requests, nuint count, int milliseconds);
}
