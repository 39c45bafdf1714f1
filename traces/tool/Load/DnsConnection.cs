using System.Buffers.Binary;
using System.Net.Sockets;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Load;

/// <summary>DNS over UDP: each request asks for a name that nobody asked for before, so that no cache knows it.</summary>
internal sealed class DnsConnection : LoadConnection
{
    private readonly byte[] _buffer = new byte[4096];
    private ushort _id = 1;

    public DnsConnection(LoadPlan plan)
        : base(plan, ProtocolType.Udp) => Socket.ReceiveTimeout = 5000;

    /// <inheritdoc/>
    public override IReadOnlyList<Hop> Ask(string request, int work)
    {
        byte[] query = DnsQuery.Make(++_id, request + DnsQuery.Zone);
        Socket.Send(query);
        int got = Socket.Receive(_buffer);
        if (got < 12 || BinaryPrimitives.ReadUInt16BigEndian(_buffer) != _id || (_buffer[3] & 15) != 0) throw Refused("something else than an answer");
        return [Answered(request)];
    }
}
