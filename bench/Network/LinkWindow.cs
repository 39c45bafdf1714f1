namespace VirtualServices.Bench.Network;

/// <summary>What clients got and what left by the device within a time.</summary>
/// <param name="From">Its begin.</param>
/// <param name="To">Its end.</param>
/// <param name="Bytes">Answers' bytes of each client.</param>
/// <param name="Sent">Bytes that left by the device.</param>
/// <param name="LinkRate">Rate of the link.</param>
internal sealed record LinkWindow(DateTime From, DateTime To, long[] Bytes, long Sent, long LinkRate)
{
    /// <summary>Part of the link that was used.</summary>
    public double Used => 8 * Sent / (To - From).TotalSeconds / LinkRate;

    /// <summary>Payload of a client.</summary>
    public double BitsPerSecond(int client) => 8 * Bytes[client] / (To - From).TotalSeconds;

    /// <summary>Measures for so long.</summary>
    public static async Task<LinkWindow> MeasureAsync(SharedLink link, TimeSpan time, CancellationToken cancel, params AskLoad[] clients)
    {
        long sent = await link.SentAsync(cancel);
        DateTime from = DateTime.UtcNow;
        long[] before = [.. clients.Select(client => client.Bytes)];
        await Task.Delay(time, cancel);
        long[] after = [.. clients.Select(client => client.Bytes)];
        sent = await link.SentAsync(cancel) - sent;
        DateTime to = DateTime.UtcNow;
        foreach (AskLoad client in clients) client.ThrowIfEnded();
        return new LinkWindow(from, to, [.. after.Zip(before, (now, then) => now - then)], sent, link.BitsPerSecond);
    }
}
