using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using VirtualServices.Model;

namespace VirtualServices.Linux.Sockets;

/// <summary>What the kernel says of one socket; the state is the kernel's number: 1 established, 10 listening, 7 not connected.</summary>
internal sealed record RawSocket(TransportProtocol Protocol, int State, ulong Cookie, ulong Inode, Endpoint Local, Endpoint Remote, ulong PeerInode, uint NetworkNamespace);

/// <summary>Lists sockets through netlink (sock_diag(7)) in the network namespace of the calling thread. Asking gives every listed socket its cookie.</summary>
internal static unsafe class SocketDiagnostics
{
    internal const int Established = 1;
    internal const int Listening = 10;

    private const int AddressFamilyNetlink = 16, RawSocketType = 3, CloseOnExec = 0x80000, ProtocolSocketDiagnostics = 4;
    private const ushort MessageDone = 3, MessageError = 2, MessageSocketByFamily = 20;
    private const ushort FlagRequest = 1, FlagDump = 0x300, FlagDumpInterrupted = 0x10;
    private const int HeaderBytes = 16, InetMessageBytes = 72, UnixMessageBytes = 16;
    private const byte FamilyUnix = 1, FamilyInet = 2, FamilyInet6 = 10;
    private const byte ProtocolTcp = 6, ProtocolUdp = 17;
    private const uint AllButTimeWait = ~(1u << 6);
    private const int MaximumAttempts = 8;

    /// <summary>Lists all TCP, UDP and unix sockets that have an inode, so belong to a descriptor.</summary>
    internal static List<RawSocket> Dump(uint networkNamespace)
    {
        List<RawSocket> sockets = [];
        Span<byte> inet = stackalloc byte[56];
        foreach (byte family in (ReadOnlySpan<byte>)[FamilyInet, FamilyInet6])
        {
            foreach (byte protocol in (ReadOnlySpan<byte>)[ProtocolTcp, ProtocolUdp])
            {
                inet.Clear();
                inet[0] = family;
                inet[1] = protocol;
                BinaryPrimitives.WriteUInt32LittleEndian(inet[4..], AllButTimeWait);
                TransportProtocol transport = protocol == ProtocolTcp ? TransportProtocol.Tcp : TransportProtocol.Udp;
                Request(inet, protocol == ProtocolTcp ? "tcp_diag" : "udp_diag", message => ParseInet(message, transport, networkNamespace), sockets);
            }
        }

        const uint ShowName = 1, ShowPeer = 4;
        Span<byte> unix = stackalloc byte[24];
        unix.Clear();
        unix[0] = FamilyUnix;
        BinaryPrimitives.WriteUInt32LittleEndian(unix[4..], uint.MaxValue);
        BinaryPrimitives.WriteUInt32LittleEndian(unix[12..], ShowName | ShowPeer);
        Request(unix, "unix_diag", message => ParseUnix(message, networkNamespace), sockets);
        return sockets;
    }

    private delegate RawSocket? Parser(ReadOnlySpan<byte> message);

    /// <summary>Dumps once more where the list changed under the kernel's hands, so that no socket is missed; a host that changes all the time gets the last list.</summary>
    private static void Request(ReadOnlySpan<byte> request, string module, Parser parse, List<RawSocket> sockets)
    {
        for (int attempt = 1; ; attempt++)
        {
            List<RawSocket> found = [];
            if (TryDump(request, module, parse, found) || attempt == MaximumAttempts)
            {
                sockets.AddRange(found);
                return;
            }
        }
    }

    private static bool TryDump(ReadOnlySpan<byte> request, string module, Parser parse, List<RawSocket> found)
    {
        int fd = LibC.socket(AddressFamilyNetlink, RawSocketType | CloseOnExec, ProtocolSocketDiagnostics);
        if (fd < 0) throw Failed("open");
        using SafeFileHandle owner = new(fd, ownsHandle: true);

        byte[] message = new byte[HeaderBytes + request.Length];
        BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(4), MessageSocketByFamily);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(6), FlagRequest | FlagDump);
        request.CopyTo(message.AsSpan(HeaderBytes));
        fixed (byte* bytes = message)
            if (LibC.send(fd, bytes, message.Length, 0) != message.Length) throw Failed("send to");

        byte[] buffer = new byte[64 * 1024];
        bool whole = true;
        while (true)
        {
            int length = Receive(fd, buffer);
            ReadOnlySpan<byte> rest = buffer.AsSpan(0, length);
            while (rest.Length >= HeaderBytes)
            {
                int size = BinaryPrimitives.ReadInt32LittleEndian(rest);
                if (size < HeaderBytes || size > rest.Length) break;
                ushort type = BinaryPrimitives.ReadUInt16LittleEndian(rest[4..]);
                whole &= (BinaryPrimitives.ReadUInt16LittleEndian(rest[6..]) & FlagDumpInterrupted) == 0;
                ReadOnlySpan<byte> body = rest[HeaderBytes..size];
                switch (type)
                {
                    case MessageDone: // carries what the list ended with (netlink_dump in the kernel's af_netlink.c): below 0 the error
                        int result = body.Length >= sizeof(int) ? BinaryPrimitives.ReadInt32LittleEndian(body) : 0;
                        return result >= 0 ? whole : throw Refused(-result, module);
                    case MessageError:
                        throw Refused(-BinaryPrimitives.ReadInt32LittleEndian(body), module);
                    case MessageSocketByFamily when parse(body) is { } socket:
                        found.Add(socket);
                        break;
                }

                rest = rest[Math.Min((size + 3) & ~3, rest.Length)..];
            }
        }
    }

    /// <summary>A list that cannot be had is no empty list: a service that is chosen by its listening address would silently not be found.</summary>
    internal static VsException Refused(int errno, string module)
    {
        const int NoEntry = 2; // nobody is registered for the family and protocol, and loading the module did not help
        return new VsException(ExitCode.HostLacks, errno == NoEntry
            ? $"the kernel cannot list sockets: its module {module} is missing or may not be loaded: modprobe {module}"
            : string.Create(CultureInfo.InvariantCulture, $"the kernel refused to list sockets ({module}): {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})"));
    }

    private static int Receive(int fd, byte[] buffer)
    {
        const int Interrupted = 4;
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                long length = LibC.recv(fd, bytes, buffer.Length, 0);
                if (length > 0) return (int)length;
                if (LibC.errno != Interrupted) throw Failed("receive from");
            }
        }
    }

    private static RawSocket? ParseInet(ReadOnlySpan<byte> message, TransportProtocol protocol, uint networkNamespace)
    {
        if (message.Length < InetMessageBytes) return null;
        uint inode = BinaryPrimitives.ReadUInt32LittleEndian(message[68..]);
        if (inode == 0) return null;
        bool v6 = message[0] == FamilyInet6;
        return new RawSocket(
            protocol,
            message[1],
            BinaryPrimitives.ReadUInt64LittleEndian(message[44..]),
            inode,
            Address(message[8..], BinaryPrimitives.ReadUInt16BigEndian(message[4..]), v6),
            Address(message[24..], BinaryPrimitives.ReadUInt16BigEndian(message[6..]), v6),
            0,
            networkNamespace);
    }

    private static Endpoint Address(ReadOnlySpan<byte> bytes, int port, bool v6)
    {
        ReadOnlySpan<byte> address = bytes[..(v6 ? 16 : 4)];
        // The other end of a socket that is not connected is all zero.
        return port == 0 && address.IndexOfAnyExcept((byte)0) < 0 ? Endpoint.None : Endpoint.Inet(new IPAddress(address), port);
    }

    private static RawSocket? ParseUnix(ReadOnlySpan<byte> message, uint networkNamespace)
    {
        if (message.Length < UnixMessageBytes) return null;
        uint inode = BinaryPrimitives.ReadUInt32LittleEndian(message[4..]);
        if (inode == 0) return null;
        const ushort Name = 0, Peer = 2;
        Endpoint local = Endpoint.None;
        ulong peer = 0;
        ReadOnlySpan<byte> rest = message[UnixMessageBytes..];
        while (rest.Length >= 4)
        {
            int size = BinaryPrimitives.ReadUInt16LittleEndian(rest);
            if (size < 4 || size > rest.Length) break;
            ReadOnlySpan<byte> value = rest[4..size];
            switch (BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]))
            {
                case Name:
                    local = UnixPath.Read(value);
                    break;
                case Peer when value.Length >= 4:
                    peer = BinaryPrimitives.ReadUInt32LittleEndian(value);
                    break;
            }

            rest = rest[Math.Min((size + 3) & ~3, rest.Length)..];
        }

        return new RawSocket(TransportProtocol.Unix, message[2], BinaryPrimitives.ReadUInt64LittleEndian(message[8..]), inode, local, Endpoint.None, peer, networkNamespace);
    }

    private static VsException Failed(string operation)
        => new(ExitCode.HostLacks, string.Create(CultureInfo.InvariantCulture, $"cannot {operation} the kernel's socket list (netlink sock_diag): {Marshal.GetPInvokeErrorMessage(LibC.errno)}"));
}
