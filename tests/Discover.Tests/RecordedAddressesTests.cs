using System.Net;
using VirtualServices.Discover.Packets;
using VirtualServices.Discover.Recording.Packets;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using static VirtualServices.Discover.Tests.CaptureFile;

namespace VirtualServices.Discover.Tests;

public sealed class RecordedAddressesTests
{
    private const uint Own = 1, Container = 2;
    private const long Second = 1_000_000_000;
    private static readonly Dictionary<uint, IReadOnlySet<IPAddress>> Host = new()
    {
        [Own] = new HashSet<IPAddress> { IPAddress.Loopback, IPAddress.Parse("10.0.0.1") },
        [Container] = new HashSet<IPAddress> { IPAddress.Loopback, IPAddress.Parse("172.17.0.2") },
    };

    private readonly RecordedAddresses _addresses = new();

    [Fact]
    public void A_connection_has_its_packets_both_ways_and_no_others()
    {
        _addresses.Add(Socket(TransportProtocol.Tcp, "10.0.0.1:40000", "10.0.0.2:5432"));
        Assert.True(Has("10.0.0.1:40000", "10.0.0.2:5432"));
        Assert.True(Has("10.0.0.2:5432", "10.0.0.1:40000"));
        Assert.False(Has("10.0.0.1:40001", "10.0.0.2:5432"));
        Assert.False(Has("10.0.0.1:40000", "10.0.0.2:5432", TransportProtocol.Udp));
    }

    [Fact]
    public void A_listener_on_all_addresses_has_those_of_its_host_only()
    {
        _addresses.Add(Socket(TransportProtocol.Tcp, "0.0.0.0:80", ""));
        _addresses.Renew([Socket(TransportProtocol.Tcp, "0.0.0.0:80", "")], Host, Second);
        Assert.True(Has("10.0.0.9:40000", "10.0.0.1:80"));
        Assert.True(Has("10.0.0.1:80", "10.0.0.9:40000"));
        Assert.False(Has("10.0.0.1:40000", "10.0.0.9:80")); // a stranger here asks another host
        Assert.True(Has("127.0.0.1:40000", "127.0.0.3:80"));
        Assert.False(Has("127.0.0.1:40000", "127.0.0.1:80", space: Container)); // another host's loopback
        Assert.False(Has("10.0.0.9:40000", "172.17.0.2:80"));
        _addresses.Add(Socket(TransportProtocol.Tcp, "[::]:80", "", Container));
        Assert.True(Has("10.0.0.9:40000", "172.17.0.2:80"));
        Assert.False(Has("10.0.0.9:40000", "172.17.0.2:81"));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("[::1]")]
    [InlineData("169.254.1.1")]
    [InlineData("[fe80::1]")]
    public void Loopback_and_link_local_addresses_are_of_one_network_namespace(string address)
    {
        string service = $"{address}:6379", client = $"{address}:40000";
        _addresses.Add(Socket(TransportProtocol.Tcp, service, "", Container));
        Assert.True(Has(client, service, space: Container));
        Assert.True(Has(service, client, space: Container));
        Assert.False(Has(client, service)); // the host's own, or another container's
        Assert.False(Has(service, client));
        _addresses.Add(Socket(TransportProtocol.Tcp, $"{address}:40001", $"{address}:80", Container));
        Assert.True(Has($"{address}:80", $"{address}:40001", space: Container));
        Assert.False(Has($"{address}:40001", $"{address}:80"));
        Assert.False(Has($"{address}:80", $"{address}:40001"));
    }

    [Fact]
    public void A_listener_on_all_addresses_of_one_family_has_none_of_a_strangers_on_the_other_family()
    {
        SocketDescription four = Socket(TransportProtocol.Tcp, "0.0.0.0:80", ""), six = Socket(TransportProtocol.Tcp, "[::]:80", "", inode: 4), both = Socket(TransportProtocol.Tcp, "[::]:81", "", inode: 5);
        _addresses.Add(four);
        _addresses.Add(both);
        _addresses.Renew([four, six, both], Host, Second);
        Assert.True(Has("10.0.0.9:40000", "10.0.0.1:80"));
        Assert.False(Has("[::1]:40000", "[::1]:80"));
        Assert.True(Has("[::1]:40000", "[::1]:81"));
        Assert.True(Has("10.0.0.9:40000", "10.0.0.1:81")); // it takes IPv4, too

        RecordedAddresses other = new();
        other.Add(six);
        other.Renew([four, six, both], Host, Second);
        Assert.False(Has("10.0.0.9:40000", "10.0.0.1:80", addresses: other));
        Assert.True(Has("[::1]:40000", "[::1]:80", addresses: other));
    }

    [Fact]
    public void A_strangers_listener_on_one_address_goes_before_a_recorded_one_on_all()
    {
        SocketDescription all = Socket(TransportProtocol.Udp, "0.0.0.0:53", ""), one = Socket(TransportProtocol.Udp, "127.0.0.53:53", "", inode: 4);
        _addresses.Add(all);
        _addresses.Renew([all, one], Host, Second);
        Assert.True(Has("127.0.0.1:40000", "127.0.0.1:53", TransportProtocol.Udp));
        Assert.False(Has("127.0.0.1:40000", "127.0.0.53:53", TransportProtocol.Udp));
    }

    [Fact]
    public void A_socket_is_forgotten_some_time_after_it_is_gone()
    {
        SocketDescription tcp = Socket(TransportProtocol.Tcp, "10.0.0.1:40000", "10.0.0.2:5432", inode: 5), udp = Socket(TransportProtocol.Udp, "10.0.0.1:40000", "10.0.0.2:53", inode: 6);
        SocketDescription late = Socket(TransportProtocol.Tcp, "10.0.0.1:40002", "10.0.0.2:5432", inode: 0);
        foreach (SocketDescription socket in (SocketDescription[])[tcp, udp, late]) _addresses.Add(socket);
        Renew(1, tcp, udp, late with { Inode = 7 }); // described before it had an inode
        Renew(2, late with { Inode = 7 });           // made while the kernel listed the others, for all that is known
        Renew(3, tcp, udp, late with { Inode = 7 });
        Renew(100, tcp, udp, late with { Inode = 7 });
        Assert.True(HasAll());
        Renew(200);
        Assert.True(HasAll());
        Renew(206);
        Assert.False(Has("10.0.0.1:40000", "10.0.0.2:53", TransportProtocol.Udp));
        Assert.True(Has("10.0.0.1:40000", "10.0.0.2:5432")); // FIN is still to come
        Renew(261);
        Assert.False(Has("10.0.0.1:40000", "10.0.0.2:5432"));
        Assert.False(Has("10.0.0.1:40002", "10.0.0.2:5432"));

        void Renew(long second, params SocketDescription[] sockets) => _addresses.Renew(sockets, Host, second * Second);
        bool HasAll() => Has("10.0.0.1:40000", "10.0.0.2:5432") && Has("10.0.0.1:40000", "10.0.0.2:53", TransportProtocol.Udp) && Has("10.0.0.1:40002", "10.0.0.2:5432");
    }

    [Fact]
    public void Too_many_connections_forget_those_that_are_silent_for_longest()
    {
        for (int i = 0; i <= RecordedAddresses.Most; i++)
        {
            if (i == 100_000) Assert.True(Has("10.0.0.1:1", "10.0.0.2:1"));
            _addresses.Add(Socket(TransportProtocol.Tcp, $"10.0.0.1:{(i % 60_000) + 1}", $"10.0.0.2:{(i / 60_000) + 1}"));
        }

        Assert.InRange(_addresses.Evicted, RecordedAddresses.Most / 9, RecordedAddresses.Most / 7);
        Assert.True(Has("10.0.0.1:1", "10.0.0.2:1")); // was used after it was made
        Assert.False(Has("10.0.0.1:3", "10.0.0.2:1"));
        Assert.True(Has($"10.0.0.1:{(RecordedAddresses.Most % 60_000) + 1}", $"10.0.0.2:{(RecordedAddresses.Most / 60_000) + 1}"));
    }

    private static SocketDescription Socket(TransportProtocol protocol, string local, string remote, uint space = Own, ulong inode = 3)
    {
        Assert.True(Endpoint.TryParse(local, out Endpoint here));
        Assert.True(Endpoint.TryParse(remote, out Endpoint there));
        return new SocketDescription(1, inode, protocol, SocketRole.Unknown, here, there, 0, 0, space);
    }

    private bool Has(string from, string to, TransportProtocol protocol = TransportProtocol.Tcp, uint space = Own, RecordedAddresses? addresses = null)
    {
        CaptureFile file = new((int)LinkType.Raw);
        byte[] packet = (protocol == TransportProtocol.Tcp ? file.Tcp(from, to, Ack, 1, 0) : file.Udp(from, to, [])).Bytes[40..];
        Assert.Equal(PacketUse.Usable, PacketHeaders.Read(LinkType.Raw, packet, packet.Length, out PacketHeaders headers));
        return (addresses ?? _addresses).Has(in headers, space);
    }
}
