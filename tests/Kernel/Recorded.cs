using VirtualServices.Discover.Recording;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Kernel.Tests;

/// <summary>Makes recordings and reads them.</summary>
internal static class Recorded
{
    /// <summary>Records while the work runs.</summary>
    internal static RecordResult While(RecorderOptions options, Action work)
    {
        using CancellationTokenSource stop = new();
        using ManualResetEventSlim started = new();
        options = options with { Started = started.Set };
        Task<RecordResult> recording = Task.Run(() => Recorder.Run(options, stop.Token));
        while (!started.Wait(20))
            if (recording.IsCompleted) return recording.GetAwaiter().GetResult();
        try
        {
            work();
        }
        finally
        {
            stop.Cancel();
        }

        return recording.GetAwaiter().GetResult();
    }

    /// <summary>All events of a session.</summary>
    /// <param name="session">Its folder.</param>
    /// <param name="reader">Its reader, closed.</param>
    /// <param name="sockets">Takes the latest description of each socket: the reader itself keeps only those that were read last.</param>
    internal static List<SessionEvent> Read(string session, out SessionReader reader, Dictionary<ulong, SocketDescription>? sockets = null)
    {
        reader = SessionReader.Open(session);
        List<SessionEvent> events = [];
        SessionEvent[] buffer = new SessionEvent[1024];
        for (int count; (count = reader.Read(buffer)) > 0;)
        {
            events.AddRange(buffer.AsSpan(0, count));
            if (sockets is null) continue;
            foreach (SessionEvent e in buffer.AsSpan(0, count))
                if (e.Call == CallKind.Describe) sockets[e.Socket] = reader.Descriptions[e.Child];
        }

        reader.Dispose();
        return events;
    }

    /// <summary>What carries a socket, by its descriptions; an id may be the inode of a socket that was described by cookie.</summary>
    internal static TransportProtocol Protocol(SessionReader reader, ulong socket)
        => reader.Descriptions.Concat(reader.Info.Sockets.Select(existing => existing.Description))
            .FirstOrDefault(description => description.Id == socket || (description.Inode | SocketDescription.InodeFlag) == socket)?.Protocol ?? TransportProtocol.None;

    internal static Service Pid(string name, int pid) => new(name, [new Selector(SelectorKind.Pid, $"{pid}")]);
}
