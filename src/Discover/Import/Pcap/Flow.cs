using VirtualServices.Discover.Packets;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Pcap;

/// <summary>A connection of a capture, or an address pair of datagrams.</summary>
internal sealed class Flow
{
    internal Flow(FlowKey key, string name, Side client, Side server)
    {
        Key = key;
        Name = name;
        Client = client;
        Server = server;
        Place = new LinkedListNode<Flow>(this);
    }

    internal FlowKey Key { get; }

    /// <summary>Id of the connection: unique in the session.</summary>
    internal string Name { get; }

    internal Side Client { get; }

    internal Side Server { get; }

    internal Direction ToServer { get; } = new();

    internal Direction ToClient { get; } = new();

    /// <summary>Its beginning was captured.</summary>
    internal bool Opened { get; set; }

    /// <summary>The server's side has been told of.</summary>
    internal bool Accepted { get; set; }

    /// <summary>It was told that it ended; packets that come late still belong to it.</summary>
    internal bool Closed { get; set; }

    /// <summary>ns of its last packet.</summary>
    internal long LastNs { get; set; }

    /// <summary>Its place among those of its kind, by silence.</summary>
    internal LinkedListNode<Flow> Place { get; }
}

/// <summary>Who a connection is between.</summary>
internal readonly record struct FlowKey(TransportProtocol Protocol, PacketEnd Client, PacketEnd Server);

/// <summary>One side of a connection.</summary>
/// <param name="End">Its address.</param>
/// <param name="Pid">A made-up process id: one for each service.</param>
/// <param name="Service">Name of the service.</param>
internal sealed record Side(Endpoint End, int Pid, string Service);
