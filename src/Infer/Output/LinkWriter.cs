using System.Globalization;
using VirtualServices.Infer.Links;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Output;

/// <summary>Writes JSON Lines, one per outgoing call of a recorded process: <c>{"conn","ts","service","parent":{"conn","ts"}|null,"confidence"}</c>; a parent of null means that the engine abstains.</summary>
public static class LinkWriter
{
    /// <summary>Reads a session again and writes its links, in the order of the calls.</summary>
    /// <param name="source">The session, from its beginning.</param>
    /// <param name="output">Where to; lines end with a line feed.</param>
    public static void Write(IEventSource source, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(output);
        new LinkCollector(call => Write(call, output), null).Run(source);
    }

    private static void Write(CallNode call, TextWriter output)
    {
        output.Write("{\"conn\":");
        output.Write(JsonText.Connection(call.End));
        output.Write(",\"ts\":");
        output.Write(call.TimeNs.ToString(CultureInfo.InvariantCulture));
        output.Write(",\"service\":");
        output.Write(JsonText.Of(call.Service));
        if (call.Told is not { } parent)
        {
            output.Write(",\"parent\":null,\"confidence\":0}\n");
            return;
        }

        output.Write(",\"parent\":{\"conn\":");
        output.Write(JsonText.Connection(parent.End));
        output.Write(",\"ts\":");
        output.Write(parent.TimeNs.ToString(CultureInfo.InvariantCulture));
        output.Write("},\"confidence\":");
        output.Write(JsonText.Of(call.Confidence));
        output.Write("}\n");
    }
}
