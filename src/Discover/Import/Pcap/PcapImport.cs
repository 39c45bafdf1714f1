using System.Buffers.Binary;
using System.Security.Cryptography;
using VirtualServices.Discover.Packets;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Pcap;

/// <summary>Makes a session of packet captures (pcap or pcapng): connections, turns, names of hosts.</summary>
public static class PcapImport
{
    private const int TellEvery = 1 << 14;

    /// <summary>Reads captures twice, merged by time, and writes a session folder. On an error nothing is left behind.</summary>
    /// <param name="paths">At least one.</param>
    /// <param name="folder">Folder to make.</param>
    /// <param name="progress">Called now and then with the events written.</param>
    /// <param name="cancel">Ends it; nothing is left behind.</param>
    /// <exception cref="VsException">A file is no capture (exit code 3), libpcap is missing (4), or the folder cannot be made.</exception>
    public static ImportResult Run(IReadOnlyList<string> paths, string folder, Action<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(paths);
        CaptureSurvey survey = new();
        Read(paths, (_, headers, payload) => survey.Take(in headers, payload), _ => { }, null, null, cancel);

        using SessionBuilder builder = new(folder, "import-pcap", paths);
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        PacketTrace trace = new(survey, builder.Add, builder.Unused);
        Read(paths, (timeNs, headers, _) => trace.Take(timeNs, in headers), reason => builder.Unused.Add(reason), digest, () => progress?.Invoke(builder.Events), cancel);
        trace.Complete();
        return builder.Complete(digest);
    }

    private delegate void Taker(long timeNs, PacketHeaders headers, ReadOnlySpan<byte> payload);

    private static void Read(IReadOnlyList<string> paths, Taker take, Action<string> leave, IncrementalHash? digest, Action? tell, CancellationToken cancel)
    {
        List<PacketFile> files = [];
        try
        {
            foreach (string path in paths) files.Add(PacketFile.Open(path));
            PriorityQueue<PacketFile, (long TimeNs, int Order)> next = new();
            for (int order = 0; order < files.Count; order++) MoveNext(files[order], order);
            long read = 0;
            while (next.TryPeek(out PacketFile? file, out (long TimeNs, int Order) place))
            {
                Take(file, take, leave, digest);
                if (++read % TellEvery == 0)
                {
                    cancel.ThrowIfCancellationRequested();
                    tell?.Invoke();
                }

                next.Dequeue();
                MoveNext(file, place.Order);
            }

            void MoveNext(PacketFile file, int order)
            {
                if (file.MoveNext()) next.Enqueue(file, (file.TimeNs, order));
                else if (file.Cut) leave("captures that end within a packet");
            }
        }
        finally
        {
            foreach (PacketFile file in files) file.Dispose();
        }
    }

    private static void Take(PacketFile file, Taker take, Action<string> leave, IncrementalHash? digest)
    {
        if (digest is not null)
        {
            Span<byte> time = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(time, file.TimeNs);
            digest.AppendData(time);
            digest.AppendData(file.Data);
        }

        PacketUse use = PacketHeaders.Read(file.Link, file.Data, file.WireBytes, out PacketHeaders headers);
        if (use != PacketUse.Usable)
        {
            leave(use.Reason());
            return;
        }

        try
        {
            // Behind the payload there may be padding of the link.
            ReadOnlySpan<byte> payload = file.Data[headers.PayloadOffset..];
            take(file.TimeNs, headers, payload[..Math.Min(payload.Length, headers.PayloadBytes)]);
        }
        catch (FieldError error)
        {
            throw file.Bad(error.Message, inner: error);
        }
    }
}
