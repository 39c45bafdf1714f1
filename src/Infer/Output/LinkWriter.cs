using System.Globalization;
using VirtualServices.Infer.Inventory;
using VirtualServices.Infer.Turns;
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
        new SessionWalker(source, new Sink(output)).Run();
    }

    private sealed class Sink(TextWriter output) : ActivitySink
    {
        public override void OnSent(ConnectionEnd end, TracedThread thread, in SessionEvent e, bool call, ConnectionEnd? parent)
        {
            if (!call) return;
            output.Write("{\"conn\":");
            output.Write(JsonText.Connection(end));
            output.Write(",\"ts\":");
            output.Write(e.TimeNs.ToString(CultureInfo.InvariantCulture));
            output.Write(",\"service\":");
            output.Write(JsonText.Of(thread.Process.Party is { Recorded: true } party ? party.Name : null));
            if (parent is null)
            {
                output.Write(",\"parent\":null,\"confidence\":0}\n");
                return;
            }

            output.Write(",\"parent\":{\"conn\":");
            output.Write(JsonText.Connection(parent));
            output.Write(",\"ts\":");
            output.Write(parent.TurnNs.ToString(CultureInfo.InvariantCulture));
            output.Write("},\"confidence\":");
            output.Write(JsonText.Of(thread.Tid != 0 ? Confidence.SameThread : Confidence.OnlyConnection));
            output.Write("}\n");
        }
    }
}
