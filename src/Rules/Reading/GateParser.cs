using VirtualServices.Model;
using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules.Reading;

/// <summary>Reads one entry of <c>gates</c>.</summary>
internal static class GateParser
{
    private const string IdExpected = "an id of letters, digits, '-', '_' and '.', beginning with a letter, at most 127 characters";

    public static Gate? Read(YamlNode node, RuleErrors errors)
    {
        string what = MappingReader.Call(node, "gate", "id", IsId);
        var reader = new MappingReader(node, what, RuleKeys.Gate, errors);
        string? id = reader.Text("id", IdExpected, required: true);
        if (id is not null && !IsId(id))
        {
            reader.Bad("id", IdExpected);
            id = null;
        }

        string? service = reader.Text("service", "the name of a service", required: true);
        GateCall? on = reader.Word<GateCall>("on", required: true);
        GateCondition when = ReadWhen(reader, what, errors);
        string? classify = reader.Text("classify", "requester, creator, keep or the name of a virtual service", required: true);
        BindScope? binds = reader.Word<BindScope>("binds", required: true);
        GateState state = reader.Word<GateState>("state", required: false) ?? GateState.Proposed;
        GateEvidence? evidence = EvidenceParser.Read(reader, what, errors);
        GateReview review = ReadReview(reader, what, errors);
        if (id is null || service is null || on is null || classify is null || binds is null) return null;
        return new Gate(id, service, on.Value, when, RuleWords.ToClassification(classify), binds.Value, state, evidence, review);
    }

    private static bool IsId(string id) => RuleWords.IsName(id, 127);

    private static GateCondition ReadWhen(MappingReader gate, string what, RuleErrors errors)
    {
        if (gate.Node("when") is not { } node) return new GateCondition(null, null);
        var reader = new MappingReader(node, $"when of {what}", RuleKeys.When, errors);
        ListenAddress? listen = null;
        const string ListenExpected = "a listening address such as tcp/5432, tcp/127.0.0.1:5432, udp/53 or unix//run/x.sock";
        if (reader.Text("listen", ListenExpected) is { } text)
        {
            if (ListenAddress.TryParse(text, out ListenAddress parsed)) listen = parsed;
            else reader.Bad("listen", ListenExpected);
        }

        return new GateCondition(listen, ReadRequesters(reader, what, errors));
    }

    private static List<string>? ReadRequesters(MappingReader reader, string what, RuleErrors errors)
    {
        const string Expected = "the names of virtual services, such as [acme, other]";
        YamlNode? node = reader.Node("requester");
        if (node is null) return null;
        IReadOnlyList<YamlNode> items = node switch
        {
            YamlScalar { IsNull: false } => [node],
            YamlSequence sequence => sequence.Items,
            _ => [],
        };
        if (node is not YamlSequence && items.Count == 0) reader.Bad("requester", Expected);

        var names = new List<string>();
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (YamlNode item in items)
        {
            if (item is not YamlScalar { IsNull: false } name) errors.Add(item.Line, $"a requester of {what} is {item.Kind}, expected the name of a virtual service");
            else if (!known.Add(name.Value)) errors.Add(item.Line, $"requester '{name.Value}' stands twice in {what}, expected once");
            else names.Add(name.Value);
        }

        return names;
    }

    private static GateReview ReadReview(MappingReader gate, string what, RuleErrors errors)
    {
        if (gate.Node("review") is not { } node || node is YamlScalar { IsNull: true }) return GateReview.None;
        var reader = new MappingReader(node, $"review of {what}", RuleKeys.Review, errors);
        string at = reader.FreeText("at");
        if (at.Length > 0 && !ReviewTime.IsValid(at)) reader.Bad("at", "a UTC time such as 2026-01-31T09:30:00Z, or nothing");
        string digest = reader.FreeText("digest");
        if (digest.Length > 0 && !GateDigest.IsWellFormed(digest)) reader.Bad("digest", "sha256: and 64 hexadecimal digits, or nothing; vs approve writes it");
        return new GateReview(reader.FreeText("by"), at, reader.FreeText("note"), digest);
    }
}
