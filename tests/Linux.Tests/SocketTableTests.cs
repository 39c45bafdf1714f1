using System.Net;
using System.Net.Sockets;
using VirtualServices.Linux.Processes;
using VirtualServices.Linux.Sockets;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Linux.Tests;

public sealed class SocketTableTests
{
    [Theory]
    [InlineData(2, "its module tcp_diag is missing or may not be loaded: modprobe tcp_diag")]
    [InlineData(13, "refused to list sockets (tcp_diag)")]
    public void A_list_that_cannot_be_had_is_an_error_with_the_way_out(int errno, string expected)
    {
        VsException error = SocketDiagnostics.Refused(errno, "tcp_diag");
        Assert.Equal(ExitCode.HostLacks, error.ExitCode);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1", false)]
    [InlineData("::1", false)]
    [InlineData("127.0.0.1", true)]
    public void Both_ends_of_a_tcp_connection_are_listed_and_find_each_other(string address, bool dualStack)
    {
        using Socket listener = dualStack
            ? new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true }
            : new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(dualStack ? IPAddress.IPv6Any : IPAddress.Parse(address), 0));
        listener.Listen();
        int port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        using Socket client = new(IPAddress.Parse(address).AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(IPAddress.Parse(address), port);
        using Socket server = listener.Accept();

        SocketTable table = SocketTable.Dump();
        SocketDescription mine = Own(table, client), other = Own(table, server), listening = Own(table, listener);
        Assert.Equal((SocketRole.Client, SocketRole.Server, SocketRole.Listener), (mine.Role, other.Role, listening.Role));
        Assert.Equal(Endpoint.Inet(IPAddress.Parse(address), port), mine.Remote);
        Assert.Equal(mine.Local, other.Remote);
        Assert.Equal(other.Inode, table.Peer(mine)!.Inode);
        Assert.Equal(mine.Inode, table.Peer(other)!.Inode);
        Assert.NotEqual(0UL, mine.Id);
        Assert.Equal(0UL, mine.Id & SocketDescription.InodeFlag);
        Assert.NotEqual(mine.Id, other.Id);
        Assert.NotEqual(0u, mine.NetworkNamespace);
        Assert.Contains(table.Listeners(Listen($"tcp/{port}")), socket => socket.Inode == listening.Inode);
        Assert.DoesNotContain(table.Listeners(Listen($"tcp/{port}")), socket => socket.Inode == other.Inode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Unix_sockets_have_path_peer_and_role(bool isAbstract)
    {
        string path = isAbstract ? $"@vs-test-{Guid.NewGuid():N}" : Path.Combine(Path.GetTempPath(), $"vs-{Guid.NewGuid():N}.sock");
        UnixDomainSocketEndPoint end = new(isAbstract ? "\0" + path[1..] : path);
        try
        {
            using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(end);
            listener.Listen();
            using Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            client.Connect(end);
            using Socket server = listener.Accept();

            SocketTable table = SocketTable.Dump();
            SocketDescription mine = Own(table, client), other = Own(table, server);
            Assert.Equal((SocketRole.Client, SocketRole.Server), (mine.Role, other.Role));
            Assert.Equal((path, path), (mine.Remote.Path, other.Local.Path));
            Assert.Equal(other.Inode, mine.PeerInode);
            Assert.Equal(mine.Inode, other.PeerInode);
            Assert.Single(table.Listeners(Listen($"unix/{path}")));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Listen_selector_finds_the_process_that_holds_the_listener()
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        ulong inode = Inode(listener);
        Dictionary<ulong, List<SocketHolder>> holders = SocketHolders.Find([Environment.ProcessId], new HashSet<ulong> { inode });
        Assert.Equal(new SocketHolder(Environment.ProcessId, (int)listener.Handle), Assert.Single(holders[inode]));

        // The resolver finds the same holder, but never chooses the process that asks.
        Selector selector = new(SelectorKind.Listen, $"tcp/127.0.0.1:{((IPEndPoint)listener.LocalEndPoint!).Port}");
        Assert.DoesNotContain(Environment.ProcessId, SelectorResolver.Resolve([selector], ProcessTable.Scan(), SocketTable.Dump()));
    }

    [Theory]
    [InlineData("socket:[123]", true, 123UL, false)]
    [InlineData("pipe:[9]", true, 9UL, true)]
    [InlineData("/dev/null", false, 0UL, false)]
    [InlineData("anon_inode:[eventpoll]", false, 0UL, false)]
    public void Links_of_descriptors_are_read(string target, bool valid, ulong inode, bool pipe)
    {
        Assert.Equal(valid, SocketHolders.TryParse(target, out ulong read, out bool isPipe));
        if (valid) Assert.Equal((inode, pipe), (read, isPipe));
    }

    private static ListenAddress Listen(string text)
    {
        Assert.True(ListenAddress.TryParse(text, out ListenAddress address));
        return address;
    }

    private static SocketDescription Own(SocketTable table, Socket socket)
    {
        SocketDescription? found = table.FindByInode(Inode(socket));
        Assert.NotNull(found);
        return found;
    }

    private static ulong Inode(Socket socket)
    {
        Assert.True(SocketHolders.TryParse(new FileInfo($"/proc/self/fd/{socket.Handle}").LinkTarget!, out ulong inode, out _));
        return inode;
    }
}
