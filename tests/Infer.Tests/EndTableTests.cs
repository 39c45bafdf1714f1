using System.Net;
using VirtualServices.Infer.Turns;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Tests;

/// <summary>Ends of connections of two hosts that use the same private network.</summary>
public sealed class EndTableTests
{
    private static readonly Endpoint Client = Endpoint.Inet(IPAddress.Parse("172.17.0.2"), 40000), Server = Endpoint.Inet(IPAddress.Parse("172.17.0.3"), 5432);

    [Fact]
    public void Hosts_with_the_same_addresses_each_keep_their_own_connection_in_whatever_order_its_ends_come()
    {
        foreach (string order in (string[])["abAB", "aBAb", "aBbA", "BaAb", "AbBa"])
        {
            EndTable table = new(hostsApart: true);
            Dictionary<char, ConnectionEnd> ends = order.ToDictionary(letter => letter, letter => Describe(table, letter));
            Assert.Same(ends['A'], ends['a'].Peer);
            Assert.Same(ends['B'], ends['b'].Peer);
        }
    }

    [Fact]
    public void Ends_of_two_hosts_meet_by_a_name_in_common_only()
    {
        EndTable apart = new(hostsApart: true);
        Assert.Null(Describe(apart, 'a').Peer);
        Assert.Null(Describe(apart, 'B').Peer);

        EndTable named = new(hostsApart: true);
        ConnectionEnd client = Describe(named, 'a', "proven"), server = Describe(named, 'B', "proven");
        Assert.Same(server, client.Peer);

        EndTable together = new(hostsApart: false);
        client = Describe(together, 'a');
        Assert.Same(Describe(together, 'B'), client.Peer);
    }

    // Small letters are clients, large ones servers; the letter is the host.
    private static ConnectionEnd Describe(EndTable table, char letter, string connection = "")
    {
        bool client = char.IsLower(letter);
        SocketDescription socket = new(letter, letter, TransportProtocol.Tcp, client ? SocketRole.Client : SocketRole.Server, client ? Client : Server, client ? Server : Client, 0, 0, 0, connection, $"{char.ToLowerInvariant(letter)}");
        return table.Describe(socket, out _);
    }
}
