using System.Net;
using VirtualServices.Linux.Sockets;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording;

/// <summary>Turns what the kernel said of a socket into a description.</summary>
internal static unsafe class SocketTranslation
{
    private const int FamilyUnix = 1, FamilyInet = 2, FamilyInet6 = 10, FamilyEventfd = 0xffff, ProtocolTcp = 6, ProtocolUdp = 17;

    internal static SocketDescription Describe(in RingSocket socket)
    {
        TransportProtocol protocol = socket.Family switch
        {
            FamilyUnix => TransportProtocol.Unix,
            FamilyInet or FamilyInet6 when socket.Protocol == ProtocolTcp => TransportProtocol.Tcp,
            FamilyInet or FamilyInet6 when socket.Protocol == ProtocolUdp => TransportProtocol.Udp,
            0 => TransportProtocol.Pipe,
            FamilyEventfd => TransportProtocol.Eventfd,
            _ => TransportProtocol.None,
        };
        Endpoint local = Endpoint.None, remote = Endpoint.None;
        fixed (RingSocket* pointer = &socket)
        {
            if (protocol is TransportProtocol.Tcp or TransportProtocol.Udp)
            {
                local = Inet(pointer->Local, socket.LocalPort, socket.Family);
                remote = Inet(pointer->Remote, socket.RemotePort, socket.Family);
            }
            else if (protocol == TransportProtocol.Unix && socket.PathLength > 0)
            {
                Endpoint path = UnixPath.Read(new ReadOnlySpan<byte>(pointer->Path, Math.Min((int)socket.PathLength, 108)));
                if (socket.PathIsRemote != 0) remote = path;
                else local = path;
            }
        }

        SocketRole role = (SocketRole)socket.Role;
        if (role == SocketRole.Unknown && protocol == TransportProtocol.Udp && remote != Endpoint.None) role = SocketRole.Client;
        return new SocketDescription(socket.Event.Socket, socket.Inode, protocol, role, local, remote, socket.PeerInode, socket.PeerPid, socket.NetworkNamespace);
    }

    /// <summary>The id that events carry for a socket that sock_diag listed: TCP by cookie, all others by inode (see bpf/recorder_find.h).</summary>
    internal static SocketDescription WithEventId(SocketDescription socket)
        => socket.Protocol == TransportProtocol.Tcp ? socket : socket with { Id = socket.Inode | SocketDescription.InodeFlag };

    private static Endpoint Inet(byte* bytes, int port, int family)
    {
        ReadOnlySpan<byte> address = new(bytes, family == FamilyInet ? 4 : 16);
        return port == 0 && address.IndexOfAnyExcept((byte)0) < 0 ? Endpoint.None : Endpoint.Inet(new IPAddress(address), port);
    }
}
