using System.Globalization;
using VirtualServices.Infer.Links;
using VirtualServices.Infer.Statistics;
using VirtualServices.Infer.Turns;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Output;

/// <summary>Writes JSON Lines, one per request at any recorded service: <c>{"conn","ts","service","vs":NAME|null,"confidence"}</c>.</summary>
public static class AttributionWriter
{
    /// <summary>Reads a session again and writes for whom its requests were, nearly in their order: a request whose caller is known later is written then.</summary>
    /// <param name="result">What all sessions together say; the session must be one of them.</param>
    /// <param name="source">The session, from its beginning.</param>
    /// <param name="output">Where to; lines end with a line feed.</param>
    public static void Write(InferenceResult result, IEventSource source, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(output);
        Dictionary<Origin, (string Vs, double Confidence)> names = [];
        LinkCollector? links = null;
        links = new LinkCollector(null, Write);
        links.Run(source);

        void Write(RequestNode request)
        {
            if (!names.TryGetValue(request.Origin, out (string Vs, double Confidence) name)) names.Add(request.Origin, name = NameOf(request.Origin));
            bool told = request.KnownVs != 0;
            output.Write("{\"conn\":");
            output.Write(JsonText.Connection(request.End));
            output.Write(",\"ts\":");
            output.Write(request.TimeNs.ToString(CultureInfo.InvariantCulture));
            output.Write(",\"service\":");
            output.Write(JsonText.Of(request.Service));
            output.Write(",\"vs\":");
            output.Write(name.Vs);
            output.Write(",\"confidence\":");
            output.Write(JsonText.Of(name.Vs == "null" ? 0 : told ? Confidence.Told : request.Origin.Known != 0 ? request.Confidence : name.Confidence));
            output.Write("}\n");
        }

        (string Vs, double Confidence) NameOf(Origin origin)
        {
            var key = new OriginKey(KeyOf(origin.Service), KeyOf(origin.Outside), origin.Known > 0 && origin.Known <= source.VirtualServices.Count ? source.VirtualServices[origin.Known - 1] : "");
            return (JsonText.Of(result.Tenants.NameOf(key)), key.Known.Length > 0 ? Confidence.Carried : Confidence.FrontEnd);
        }

        string KeyOf(int party) => party < 0 ? "" : links!.Parties.All[party].Key;
    }
}
