using System.Globalization;
using VirtualServices.Infer.Statistics;
using VirtualServices.Infer.Turns;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Output;

/// <summary>Writes JSON Lines, one per request at any recorded service: <c>{"conn","ts","service","vs":NAME|null,"confidence"}</c>.</summary>
public static class AttributionWriter
{
    /// <summary>Reads a session again and writes for whom its requests were. A request whose sender is known later is written then.</summary>
    /// <param name="result">What all sessions together say; the session must be one of them.</param>
    /// <param name="source">The session, from its beginning.</param>
    /// <param name="output">Where to; lines end with a line feed.</param>
    public static void Write(InferenceResult result, IEventSource source, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(output);
        var sink = new Sink(result, source, output);
        sink.Run();
    }

    private sealed class Sink : ActivitySink
    {
        private readonly InferenceResult _result;
        private readonly IEventSource _source;
        private readonly TextWriter _output;
        private readonly SessionWalker _walker;
        private readonly Dictionary<Origin, (string Vs, double Confidence)> _names = [];

        public Sink(InferenceResult result, IEventSource source, TextWriter output)
        {
            _result = result;
            _source = source;
            _output = output;
            _walker = new SessionWalker(source, this);
        }

        public void Run() => _walker.Run();

        public override void OnRequest(ConnectionEnd end, in Request request, Origin origin)
        {
            if (!_names.TryGetValue(origin, out (string Vs, double Confidence) name)) _names.Add(origin, name = NameOf(origin));
            _output.Write("{\"conn\":");
            _output.Write(JsonText.Connection(end));
            _output.Write(",\"ts\":");
            _output.Write(request.TimeNs.ToString(CultureInfo.InvariantCulture));
            _output.Write(",\"service\":");
            _output.Write(JsonText.Of(request.Process.Party is { Recorded: true } party ? party.Name : null));
            _output.Write(",\"vs\":");
            _output.Write(name.Vs);
            _output.Write(",\"confidence\":");
            _output.Write(JsonText.Of(name.Vs == "null" ? 0 : request.KnownVs != 0 ? Confidence.Told : name.Confidence));
            _output.Write("}\n");
        }

        private (string Vs, double Confidence) NameOf(Origin origin)
        {
            var key = new OriginKey(KeyOf(origin.Service), KeyOf(origin.Outside), origin.Known > 0 && origin.Known <= _source.VirtualServices.Count ? _source.VirtualServices[origin.Known - 1] : "");
            return (JsonText.Of(_result.Tenants.NameOf(key)), key.Known.Length > 0 ? Confidence.Carried : Confidence.FrontEnd);
        }

        private string KeyOf(int party) => party < 0 ? "" : _walker.Parties.All[party].Key;
    }
}
