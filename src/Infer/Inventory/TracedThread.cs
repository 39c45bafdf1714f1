using VirtualServices.Infer.Turns;

namespace VirtualServices.Infer.Inventory;

/// <summary>A thread that made a call; thread id 0 stands for "some thread of the process".</summary>
internal sealed class TracedThread(ProcessState process, int tid) : IShelved<TracedThread>
{
    public ProcessState Process { get; } = process;

    public int Tid { get; } = tid;

    /// <summary>CPU time at the last event, ns; null before the first that knew it.</summary>
    public ulong? CpuNs { get; set; }

    /// <summary>Requests that this thread received and nobody began to answer.</summary>
    public int OpenRequests { get; set; }

    /// <summary>Connection of the open request, where there is one.</summary>
    public ConnectionEnd? OpenEnd { get; set; }

    /// <summary>Server-side connection of the last request.</summary>
    public ConnectionEnd? LastEnd { get; set; }

    /// <summary>The thread had requests of two connections open at once, or went back and forth between open connections. Never taken back.</summary>
    public bool Interleaves { get; set; }

    /// <summary>Server-side connections on which this thread was the first.</summary>
    public int Connections { get; set; }

    /// <summary>Place in <see cref="ProcessState.Threads"/>.</summary>
    public int Slot { get; set; }

    /// <inheritdoc/>
    public TracedThread? Older { get; set; }

    /// <inheritdoc/>
    public TracedThread? Newer { get; set; }

    /// <inheritdoc/>
    public long UsedAt { get; set; }

    /// <inheritdoc/>
    public long ShelvedAt { get; set; }

    /// <summary>What the reader of the walk keeps per thread.</summary>
    public object? Notes { get; set; }
}
