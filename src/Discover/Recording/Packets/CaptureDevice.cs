using SharpPcap;
using SharpPcap.LibPcap;
using VirtualServices.Discover.Packets;
using VirtualServices.Linux.Network;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording.Packets;

/// <summary>A network interface that packets are captured on. One thread only.</summary>
internal sealed class CaptureDevice : IDisposable
{
    /// <summary>Longest headers of link, IP and TCP, with room for extension headers of IPv6: what lies behind never leaves the kernel, see <see cref="Activate"/>.</summary>
    private const int HeaderBytes = 256;

    private const int KernelBufferBytes = 16 << 20, ReadTimeoutMilliseconds = 10;
    private readonly LibPcapLiveDevice _device;
    private uint _droppedSeen;

    private CaptureDevice(LibPcapLiveDevice device, PacketInterface where, ulong networkNamespace)
    {
        _device = device;
        State = where;
        NetworkNamespace = (uint)networkNamespace;
        Link = (LinkType)device.LinkType;
    }

    /// <summary>Where it is, and its counts as of <see cref="ReadStatistics"/>.</summary>
    internal PacketInterface State { get; private set; }

    /// <summary>Inode of its network namespace.</summary>
    internal uint NetworkNamespace { get; }

    internal LinkType Link { get; }

    /// <summary>Packets read.</summary>
    internal long Received { get; private set; }

    internal bool Failed => State.Failure.Length > 0;

    /// <summary>Opens all or none. What was captured waits in the kernel until it is read.</summary>
    /// <exception cref="VsException">There is no such interface, it cannot be captured on (4), may not be (5), or libpcap is missing (4).</exception>
    internal static List<CaptureDevice> Open(IReadOnlyList<PacketInterface> interfaces, int payloadBytes, int kernelBufferBytes = KernelBufferBytes)
    {
        List<CaptureDevice> devices = [];
        try
        {
            foreach (PacketInterface one in interfaces) devices.Add(Open(one, payloadBytes, kernelBufferBytes));
            return devices;
        }
        catch
        {
            foreach (CaptureDevice device in devices) device.Dispose();
            throw;
        }
    }

    /// <summary>Reads the next packet; false where there is none now.</summary>
    internal bool TryRead(out CapturedPacket packet)
    {
        packet = default;
        if (Failed) return false;
        int result = CapturedPacket.Read(_device, out packet);
        if (result == 1)
        {
            Received++;
            return true;
        }

        if (result < 0)
        {
            ReadStatistics();
            State = State with { Failure = _device.LastError.Trim() is { Length: > 0 } text ? text : "reading failed" };
        }

        return false;
    }

    /// <summary>Asks the kernel what it dropped.</summary>
    internal void ReadStatistics()
    {
        if (Failed) return;
        if (!PcapStatistics.TryRead(_device, out PcapStatistics now)) return;

        uint dropped = now.Dropped - _droppedSeen; // right also where the count has run over
        _droppedSeen = now.Dropped;
        State = State with { Received = Received, Dropped = State.Dropped + dropped };
    }

    /// <inheritdoc/>
    public void Dispose() => _device.Dispose();

    private static CaptureDevice Open(PacketInterface where, int payloadBytes, int kernelBufferBytes)
    {
        using NetworkNamespace space = Namespace(where);
        try
        {
            LibPcapLiveDevice device = space.Run(() => Activate(where, payloadBytes, kernelBufferBytes));
            return new CaptureDevice(device, where, space.Inode);
        }
        catch (DllNotFoundException error)
        {
            throw new VsException(ExitCode.HostLacks, "capturing packets needs libpcap: apt-get install libpcap0.8", error);
        }
    }

    private static NetworkNamespace Namespace(PacketInterface where) =>
        VirtualServices.Linux.Network.NetworkNamespace.TryOpen(where.NetworkNamespace)
        ?? throw new VsException(ExitCode.HostLacks, $"--packets {where}: there is no network namespace '{where.NetworkNamespace}' here: ip netns list shows those that have a name");

    // A socket belongs for good to the network namespace that it was made in.
    private static LibPcapLiveDevice Activate(PacketInterface where, int payloadBytes, int kernelBufferBytes)
    {
        LibPcapLiveDeviceList all = LibPcapLiveDeviceList.New();
        LibPcapLiveDevice device = all.FirstOrDefault(one => one.Name == where.Name)
            ?? throw new VsException(ExitCode.HostLacks, $"--packets {where}: there is no such network interface; there are: {string.Join(", ", all.Where(IsNetwork).Select(one => one.Name))}");
        try
        {
            device.Open(new DeviceConfiguration
            {
                Mode = DeviceModes.None,
                Snaplen = HeaderBytes + payloadBytes,
                ReadTimeout = ReadTimeoutMilliseconds,
                BufferSize = kernelBufferBytes,
                TimestampResolution = TimestampResolution.Nanosecond,
            });
            device.NonBlockingMode = true;
            device.Filter = ""; // takes all, and only so does the kernel cut them to the snap length: without a filter whole packets come into the ring
            if (LinkHeader.Skip((LinkType)device.LinkType, [], out _) == PacketUse.OtherLink)
                throw new VsException(ExitCode.HostLacks, $"--packets {where}: its packets are of link type {(int)device.LinkType}, which is not read: capture on another interface, or on any");
            return device;
        }
        catch (PcapException error)
        {
            device.Dispose();
            bool refused = error.Error is PcapError.PermissionDenied or PcapError.PromiscuousPermissionDenied;
            throw new VsException(
                refused ? ExitCode.Permission : ExitCode.HostLacks,
                $"--packets {where}: cannot capture there: {error.Message.Trim()}{(refused ? ": run it as root with CAP_NET_RAW" : "")}",
                error);
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    // libpcap lists USB buses, netfilter and others, too.
    private static bool IsNetwork(LibPcapLiveDevice device) => device.Name == "any" || Directory.Exists($"/sys/class/net/{device.Name}") || device.Addresses.Count > 0;
}
