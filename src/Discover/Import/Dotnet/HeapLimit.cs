namespace VirtualServices.Discover.Import.Dotnet;

/// <summary>
/// Bounds the memory of the process while a nettrace file is read. TraceEvent allocates what the file asks for: a changed count of fields had it take 16 GB before it gave up.
/// With this, the allocation fails at once and the file is refused.
/// </summary>
internal sealed class HeapLimit : IDisposable
{
    /// <summary>What may be allocated beside what is there. The runtime that wrote the file holds 256 MiB of events by default.</summary>
    internal const long Bytes = 1L << 30;

    private const string Setting = "GCHeapHardLimit";
    private static readonly Lock Gate = new();
    private static int _users;

    private HeapLimit()
    {
    }

    /// <summary>The limit holds until all who took it have disposed of it.</summary>
    internal static HeapLimit Take()
    {
        lock (Gate)
        {
            GCMemoryInfo memory = GC.GetGCMemoryInfo();
            if (_users++ == 0) Set(Math.Min(Math.Max(memory.TotalCommittedBytes, GC.GetTotalMemory(false)) + Bytes, memory.TotalAvailableMemoryBytes));
        }

        return new HeapLimit();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (Gate)
        {
            if (--_users == 0) Set(0);
        }
    }

    private static void Set(long bytes)
    {
        AppContext.SetData(Setting, (ulong)bytes);
        try
        {
            GC.RefreshMemoryLimit();
        }
        catch (InvalidOperationException)
        {
            // Below what is in use: then the limit stays as it was.
        }
    }
}
