using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace VirtualServices.Traces.Making;

/// <summary>The slow log of a Redis: what it executed.</summary>
internal static class RedisSlowLog
{
    /// <summary>Reads all of it: the words of each command.</summary>
    public static IReadOnlyList<string[]> Read(int port)
    {
        using TcpClient client = new();
        client.Connect(IPAddress.Loopback, port);
        using NetworkStream stream = client.GetStream();
        stream.Write("*3\r\n$7\r\nSLOWLOG\r\n$3\r\nGET\r\n$2\r\n-1\r\n"u8);
        using StreamReader reader = new(stream, Encoding.ASCII);

        // Per entry: id, time, microseconds, arguments, client, name of the client.
        return [.. ((object[])Value(reader)!).Cast<object[]>().Select(entry => ((object[])entry[3]).Cast<string>().ToArray())];
    }

    // No text in the log holds a line's end.
    private static object? Value(StreamReader reader)
    {
        string line = reader.ReadLine() ?? throw new EndOfStreamException();
        long number = line[0] is '+' or '-' ? 0 : long.Parse(line.AsSpan(1), CultureInfo.InvariantCulture);
        switch (line[0])
        {
            case '*':
                object?[] values = new object?[number];
                for (int i = 0; i < values.Length; i++) values[i] = Value(reader);
                return values;
            case '$':
                return number < 0 ? null : reader.ReadLine();
            case ':':
                return number;
            default:
                throw new InvalidDataException(line);
        }
    }
}
