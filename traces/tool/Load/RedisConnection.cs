using System.Globalization;
using System.Net.Sockets;
using System.Text;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Load;

/// <summary>Redis' protocol, answers of one line.</summary>
internal sealed class RedisConnection(LoadPlan plan) : LoadConnection(plan, ProtocolType.Tcp)
{
    private const string Script = "local x = 0 for i = 1, ARGV[1] do x = x + i end return 1";

    private readonly byte[] _buffer = new byte[4096];

    /// <inheritdoc/>
    public override IReadOnlyList<Hop> Ask(string request, int work)
    {
        string[] words = ["EVAL", Script, "0", work.ToString(CultureInfo.InvariantCulture), request];
        Send(Encoding.UTF8.GetBytes($"*{words.Length}\r\n{string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n"))}"));
        int end = 0;
        do
        {
            int got = Socket.Receive(_buffer.AsSpan(end));
            if (got == 0) throw Refused("the end of the connection");
            end += got;
        }
        while (_buffer[end - 1] != '\n');
        string said = Encoding.UTF8.GetString(_buffer.AsSpan(0, end)).TrimEnd();
        if (said != ":1") throw Refused(said);
        return [Answered(request)];
    }
}
