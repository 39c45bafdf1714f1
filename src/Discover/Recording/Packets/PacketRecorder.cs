using VirtualServices.Discover.Packets;
using VirtualServices.Linux.Network;
using VirtualServices.Linux.Sockets;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording.Packets;

/// <summary>
/// Records the packets of the recorded sockets beside the events, on a thread of its own. A packet comes before the call that tells whose it is (a handshake before accept), so all
/// wait a moment; then those of strangers are dropped, and of the others the headers are written.
/// </summary>
internal sealed class PacketRecorder : IDisposable
{
    private const long MillisecondNs = 1_000_000, HoldNs = 500 * MillisecondNs, PublishNs = 100 * MillisecondNs, RenewNs = 10_000 * MillisecondNs;

    /// <summary>The wall clock's distance to the session's clock is measured to about a microsecond; more than this means that somebody set it.</summary>
    private const long ClockStepNs = 50_000;

    private const int HeldBytes = 32 << 20, Batch = 4096, IdleMilliseconds = 5, LastLooks = 5;
    private readonly IReadOnlyList<CaptureDevice> _devices;
    private readonly int _payloadBytes;
    private readonly RecordedAddresses _addresses = new();
    private readonly HeldPackets _held = new(HeldBytes);
    private readonly long[] _unusable = new long[Enum.GetValues<PacketUse>().Length];
    private readonly ManualResetEventSlim _stop = new();
    private readonly PcapWriter _writer;
    private readonly SessionClock _clock;
    private readonly Action<RecordedAddresses, long> _renew;
    private readonly Thread _thread;
    private long _strangers, _hurried, _stepNs;
    private volatile PacketCounts _counts;
    private volatile Exception? _failure;
    private volatile string? _renewFailure;

    /// <summary>Starts.</summary>
    /// <param name="devices">Opened; they stay the caller's, and only this reads them.</param>
    /// <param name="payloadBytes">Most bytes of payload that are kept of a packet.</param>
    /// <param name="file">A new file; this recorder's from now on.</param>
    /// <param name="clock">The session's clock.</param>
    /// <param name="sockets">Sockets of the recorded services that are there.</param>
    /// <param name="fate">What becomes of the session where writing fails, and what helps.</param>
    /// <param name="renew">Renews the addresses as of a time; absent: from the host's sockets.</param>
    internal PacketRecorder(IReadOnlyList<CaptureDevice> devices, int payloadBytes, Stream file, SessionClock clock, IEnumerable<SocketRecord> sockets, string fate, Action<RecordedAddresses, long>? renew = null)
    {
        _devices = devices;
        _payloadBytes = payloadBytes;
        _clock = clock;
        _renew = renew ?? RenewFromHost;
        _writer = new PcapWriter(file, PcapFormat.MostPacketBytes, fate);
        foreach (SocketRecord socket in sockets) _addresses.Add(socket.Description);
        _counts = Count();
        _thread = new Thread(Run) { IsBackground = true, Name = "packets" };
        _thread.Start();
    }

    /// <summary>Counts so far, at most a tenth of a second old; final after <see cref="Complete"/>.</summary>
    internal PacketCounts Counts => _counts;

    /// <summary>Why the sockets of the host could not be listed when that was tried last; null where they could.</summary>
    internal string? RenewFailure => _renewFailure;

    /// <summary>A socket of a recorded service was seen.</summary>
    internal void Add(SocketDescription socket) => _addresses.Add(socket);

    /// <summary>Throws what ended the thread, such as a full disk.</summary>
    internal void Check()
    {
        if (_failure is { } failure) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Reads what the kernel still holds, decides whose all waiting packets are, and writes the rest.</summary>
    internal void Complete()
    {
        _stop.Set();
        _thread.Join();
        Check();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _writer.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        try
        {
            long published = 0, renewed = 0;
            while (!_stop.IsSet)
            {
                long now = HostClock.MonotonicNs();
                if (now - renewed >= RenewNs)
                {
                    Renew(now);
                    now = renewed = HostClock.MonotonicNs(); // it may take long on a large host: what is read after it comes now
                }

                bool idle = !TakeAll(now);
                while (!_held.IsEmpty && now - _held.Peek(out _).ReadNs >= HoldNs) Decide(hurried: false);
                if (now - published >= PublishNs)
                {
                    published = now;
                    Publish();
                }

                if (idle) _stop.Wait(IdleMilliseconds);
            }

            // The kernel hands packets over some 10 ms after they came. A busy interface never runs empty.
            for (int look = 0; look < LastLooks; look++)
            {
                for (int batch = 0; batch < 64 && TakeAll(HostClock.MonotonicNs()); batch++)
                {
                }

                Thread.Sleep(IdleMilliseconds);
            }

            while (!_held.IsEmpty) Decide(hurried: false);
            Publish();
        }
        catch (Exception error)
        {
            _failure = error;
        }
    }

    // Without a new list sockets are kept for longer, and new addresses of the host are not known: no reason to end the recording.
    private void Renew(long nowNs)
    {
        try
        {
            _renew(_addresses, nowNs);
            _renewFailure = null;
        }
        catch (Exception error)
        {
            _renewFailure = error.Message;
        }
    }

    private static void RenewFromHost(RecordedAddresses addresses, long nowNs) => addresses.Renew(SocketTable.Dump().Sockets, HostAddresses.ByNamespace(), nowNs);

    /// <summary>Takes what is there from each device in turn; false where there was nothing.</summary>
    private bool TakeAll(long nowNs)
    {
        bool any = false;
        foreach (CaptureDevice device in _devices)
        {
            for (int taken = 0; taken < Batch && device.TryRead(out CapturedPacket packet); taken++)
            {
                any = true;
                Take(device, packet, nowNs);
            }
        }

        return any;
    }

    private void Take(CaptureDevice device, scoped CapturedPacket packet, long nowNs)
    {
        PacketUse use = PacketHeaders.Read(device.Link, packet.Data, packet.WireBytes, out PacketHeaders headers);
        if (use != PacketUse.Usable)
        {
            _unusable[(int)use]++;
            return;
        }

        // Behind the payload there may be padding of the link.
        int payload = Math.Min(_payloadBytes, headers.PayloadBytes);
        ReadOnlySpan<byte> kept = packet.Data[headers.IpOffset..Math.Min(headers.PayloadOffset + payload, packet.Data.Length)];
        HeldPacket held = new(packet.TimeNs - _stepNs, nowNs, Math.Max(packet.WireBytes - headers.IpOffset, kept.Length), device.NetworkNamespace);
        while (!_held.TryAdd(held, kept)) Decide(hurried: true);
    }

    /// <summary>Writes or drops the packet that waits longest.</summary>
    private void Decide(bool hurried)
    {
        HeldPacket packet = _held.Peek(out ReadOnlySpan<byte> data);
        if (PacketHeaders.Read(LinkType.Raw, data, packet.WireBytes, out PacketHeaders headers) == PacketUse.Usable && _addresses.Has(in headers, packet.NetworkNamespace))
            _writer.Write(Math.Max(packet.TimeNs, 0), data, packet.WireBytes);
        else if (hurried) _hurried++;
        else _strangers++;
        _held.Remove();
    }

    private void Publish()
    {
        _writer.Flush();
        foreach (CaptureDevice device in _devices) device.ReadStatistics();

        // Packets have the time of the wall clock, events that of the session's. Where somebody sets the wall clock meanwhile the file goes on as if nobody had.
        long step = HostClock.Now().UtcOffsetNs - _clock.UtcOffsetNs;
        _stepNs = Math.Abs(step) > ClockStepNs ? step : 0;
        _counts = Count();
    }

    private PacketCounts Count() => new(
        new PacketsInfo(_payloadBytes, [.. _devices.Select(device => device.State)]),
        _writer.Packets,
        _strangers,
        _hurried,
        _addresses.Evicted,
        [.. _unusable]);
}
