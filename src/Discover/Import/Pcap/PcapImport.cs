using System.Buffers.Binary;
using System.Security.Cryptography;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Pcap;

/// <summary>Makes a session of packet captures (pcap or pcapng): connections, turns, names of hosts.</summary>
public static class PcapImport
{
    private const int TellEvery = 1 << 14;

    /// <summary>Reads captures one after the other, in the order of their first packets, and writes a session folder. On an error nothing is left behind.</summary>
    /// <param name="paths">At least one.</param>
    /// <param name="folder">Folder to make.</param>
    /// <param name="progress">Called now and then with the events written.</param>
    /// <param name="cancel">Ends it; nothing is left behind.</param>
    /// <exception cref="VsException">A file is no capture (exit code 3), libpcap is missing (4), or the folder cannot be made.</exception>
    public static ImportResult Run(IReadOnlyList<string> paths, string folder, Action<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(paths);
        using SessionBuilder builder = new(folder, "import-pcap");
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        PacketTrace trace = new(builder.Add, builder.Unused);
        foreach (string path in Sorted(paths)) Read(path, trace, builder, digest, progress, cancel);
        trace.Complete();
        builder.Unused.Add("bytes of TCP connections that the capture does not hold", trace.Missing);
        return builder.Complete(digest);
    }

    /// <summary>A capture that was cut into files (tcpdump -C) may be given in any order.</summary>
    private static IEnumerable<string> Sorted(IReadOnlyList<string> paths)
    {
        if (paths.Count == 1) return paths;
        return [.. paths.OrderBy(path =>
        {
            using PacketFile file = PacketFile.Open(path);
            return file.TryRead(out _) ? file.TimeNs : long.MaxValue;
        })];
    }

    private static void Read(string path, PacketTrace trace, SessionBuilder builder, IncrementalHash digest, Action<long>? progress, CancellationToken cancel)
    {
        using PacketFile file = PacketFile.Open(path);
        Span<byte> time = stackalloc byte[8];
        while (file.TryRead(out ReadOnlySpan<byte> data))
        {
            BinaryPrimitives.WriteInt64LittleEndian(time, file.TimeNs);
            digest.AppendData(time);
            digest.AppendData(data);
            if (Segment.TryRead(file.LinkType, data, out Segment segment) is { } reason) builder.Unused.Add(reason);
            else Take(path, file, trace, segment);
            if (file.Number % TellEvery != 0) continue;
            cancel.ThrowIfCancellationRequested();
            progress?.Invoke(builder.Events);
        }

        if (file.Cut) builder.Unused.Add("captures that end within a packet");
    }

    private static void Take(string path, PacketFile file, PacketTrace trace, scoped Segment segment)
    {
        try
        {
            trace.Take(file.TimeNs, segment);
        }
        catch (FieldError error)
        {
            throw VsException.BadInput($"{path}@packet {file.Number}", error.Message, error);
        }
    }
}
