using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Load;

/// <summary>PostgreSQL's protocol 3 with simple queries. The query asks the server itself who serves it, over which connection, and when.</summary>
/// <remarks>www.postgresql.org/docs/15/protocol-message-formats.html</remarks>
internal sealed class PostgresConnection : LoadConnection
{
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _start, _end;

    public PostgresConnection(LoadPlan plan)
        : base(plan, ProtocolType.Tcp)
    {
        byte[] words = Encoding.UTF8.GetBytes($"user\0{plan.User}\0database\0{Cli.Demo.PostgresServer.Database}\0\0");
        byte[] message = new byte[8 + words.Length];
        BinaryPrimitives.WriteInt32BigEndian(message, message.Length);
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(4), 3 << 16);
        words.CopyTo(message, 8);
        Send(message);
        Row();
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Hop> Ask(string request, int work)
    {
        // The work comes first: the time is then one at which the server had certainly received the query.
        Query(string.Create(CultureInfo.InvariantCulture, $"SELECT (SELECT sum(i) FROM generate_series(1, {work}) i), pg_backend_pid(), inet_client_port(), inet_server_port(), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint /* {request} */"));
        string[] row = Row() ?? throw Refused("no row");
        Hop answered = Answered(request);
        Hop served = new(request, Plan.Tenant, "postgres", 1000 * long.Parse(row[4], CultureInfo.InvariantCulture), $"127.0.0.1:{row[3]}", $"127.0.0.1:{row[2]}", int.Parse(row[1], CultureInfo.InvariantCulture));
        return Plan.Service == "postgres" ? [served] : [served, answered];
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (Socket.Connected) Send([(byte)'X', 0, 0, 0, 4]);
        base.Dispose();
    }

    private void Query(string text)
    {
        byte[] words = Encoding.UTF8.GetBytes(text + "\0");
        byte[] message = new byte[5 + words.Length];
        message[0] = (byte)'Q';
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), message.Length - 1);
        words.CopyTo(message, 5);
        Send(message);
    }

    /// <summary>Reads up to the word that the server is ready, and keeps the last row.</summary>
    private string[]? Row()
    {
        string[]? row = null;
        while (true)
        {
            byte kind = Take(5)[0];
            ReadOnlySpan<byte> body = Take(BinaryPrimitives.ReadInt32BigEndian(_buffer.AsSpan(_start - 4)) - 4);
            switch ((char)kind)
            {
                case 'D':
                    row = new string[BinaryPrimitives.ReadInt16BigEndian(body)];
                    body = body[2..];
                    for (int i = 0; i < row.Length; i++)
                    {
                        int length = BinaryPrimitives.ReadInt32BigEndian(body);
                        row[i] = length < 0 ? "" : Encoding.UTF8.GetString(body.Slice(4, length));
                        body = body[(4 + Math.Max(length, 0))..];
                    }

                    break;
                case 'E':
                    throw Refused(Encoding.UTF8.GetString(body).Replace('\0', ' '));
                case 'Z':
                    return row;
            }
        }
    }

    private ReadOnlySpan<byte> Take(int bytes)
    {
        if (_start == _end) _start = _end = 0;
        while (_end - _start < bytes)
        {
            int got = Socket.Receive(_buffer.AsSpan(_end));
            if (got == 0) throw Refused("the end of the connection");
            _end += got;
        }

        _start += bytes;
        return _buffer.AsSpan(_start - bytes, bytes);
    }
}
