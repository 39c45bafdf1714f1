using VirtualServices.Infer.Inventory;

namespace VirtualServices.Infer.Turns;

/// <summary>Which thread has received a request and not yet begun to answer it: what it calls meanwhile works for that request.</summary>
internal static class OpenRequests
{
    /// <summary>A thread received a request.</summary>
    public static void Open(ConnectionEnd end, TracedThread thread)
    {
        Answer(end);
        if (thread.OpenRequests > 0 || (thread.LastEnd is { Closed: false } last && last != end && end.FirstThread == thread)) thread.Interleaves |= thread.Tid != 0;
        if (end.FirstThread is null)
        {
            end.FirstThread = thread;
            thread.Connections++;
        }
        else if (end.FirstThread != thread)
        {
            end.SeveralThreads = true;
        }

        thread.LastEnd = end;
        thread.OpenRequests++;
        thread.OpenEnd = end;
        thread.Process.OpenRequests++;
        thread.Process.OpenEnd = end;
        end.OpenThread = thread;
    }

    /// <summary>The answer begins, or the connection is closed.</summary>
    public static void Answer(ConnectionEnd end)
    {
        if (end.OpenThread is not { } thread) return;
        end.OpenThread = null;
        thread.OpenRequests--;
        thread.Process.OpenRequests--;
        if (thread.OpenEnd == end) thread.OpenEnd = null;
        if (thread.Process.OpenEnd == end) thread.Process.OpenEnd = null;
    }

    /// <summary>The connection whose request a call of the thread works for, or null where that is not proven.</summary>
    /// <remarks>
    /// A thread that ever had two requests open at once may work on any of them: then nothing is proven.
    /// Without thread ids the process must have served a single connection in its life.
    /// </remarks>
    public static ConnectionEnd? ParentOf(TracedThread thread)
    {
        if (thread.Tid != 0) return thread is { OpenRequests: 1, Interleaves: false } ? thread.OpenEnd : null;
        ProcessState process = thread.Process;
        return process is { OpenRequests: 1, Connections: 1 } ? process.OpenEnd : null;
    }
}
