using VirtualServices.Model;
using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules.Reading;

/// <summary>Reads the evidence of a gate.</summary>
internal static class EvidenceParser
{
    public static GateEvidence? Read(MappingReader gate, string what, RuleErrors errors)
    {
        if (gate.Node("evidence") is not { } node || node is YamlScalar { IsNull: true }) return null;
        var reader = new MappingReader(node, $"evidence of {what}", RuleKeys.Evidence, errors);
        return new GateEvidence(
            (int)(reader.Whole("sessions", 0, int.MaxValue) ?? 0),
            reader.Whole("observed", 0, long.MaxValue) ?? 0,
            reader.Whole("agreed", 0, long.MaxValue) ?? 0,
            reader.Whole("contradicted", 0, long.MaxValue) ?? 0,
            reader.Whole("unknown", 0, long.MaxValue) ?? 0,
            reader.Whole("lostEvents", 0, long.MaxValue) ?? 0,
            reader.Real("confidence", 0, 1, "a number 0..1") ?? 0,
            reader.FreeText("pattern"),
            ReadSamples(reader, "samples", what, errors),
            ReadSamples(reader, "counterExamples", what, errors));
    }

    private static List<EvidenceSample> ReadSamples(MappingReader evidence, string key, string what, RuleErrors errors)
    {
        var samples = new List<EvidenceSample>();
        foreach (YamlNode item in evidence.Items(key))
        {
            // A sample that a person wrote is a sentence.
            if (item is YamlScalar { IsNull: false } sentence)
            {
                samples.Add(new EvidenceSample("", 0, 0, 0, "", sentence.Value));
                continue;
            }

            var reader = new MappingReader(item, $"a sample of {what}", RuleKeys.Sample, errors);
            samples.Add(new EvidenceSample(
                reader.FreeText("session"),
                reader.Whole("ts", 0, long.MaxValue) ?? 0,
                (int)(reader.Whole("pid", 0, int.MaxValue) ?? 0),
                reader.Unsigned("conn") ?? 0,
                reader.FreeText("requester"),
                reader.FreeText("what")));
        }

        return samples;
    }
}
