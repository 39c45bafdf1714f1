using System.Runtime.InteropServices;
using VirtualServices.Linux.Netlink;

namespace VirtualServices.Linux.Network;

/// <summary>A network device of one namespace.</summary>
/// <param name="Index">Number in its namespace.</param>
/// <param name="Name">Name, at most 15 bytes.</param>
public sealed record NetworkDevice(int Index, string Name)
{
    private const ushort GetLink = 18;
    private const ushort LinkName = 3;

    /// <summary>All devices of the socket's namespace.</summary>
    public static IReadOnlyList<NetworkDevice> All(RouteSocket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        List<NetworkDevice> all = [];
        socket.Dump(new NetlinkMessage(GetLink, RouteSocket.FlagDump).Struct(default(LinkMessage)), "list network devices", all.Clear, body =>
        {
            LinkMessage message = NetlinkAttributes.Read<LinkMessage>(body);
            int header = Marshal.SizeOf<LinkMessage>();
            if (body.Length >= header) all.Add(new NetworkDevice(message.Index, NetlinkAttributes.Text(NetlinkAttributes.Find(body[header..], LinkName))));
        });
        return all;
    }

    /// <summary><c>struct ifinfomsg</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct LinkMessage
    {
        public byte Family;
        public byte Pad;
        public ushort Type;
        public int Index;
        public uint Flags;
        public uint Change;
    }
}
