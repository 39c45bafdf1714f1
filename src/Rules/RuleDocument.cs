using VirtualServices.Model;
using VirtualServices.Rules.Reading;
using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules;

/// <summary>A rule file: its text, what it says and where it says it.</summary>
public sealed class RuleDocument
{
    private readonly RuleLines _lines;
    private readonly Dictionary<Gate, GateState> _states = new(ReferenceEqualityComparer.Instance);

    internal RuleDocument(string path, string text, bool hasByteOrderMark, RuleSet rules, RuleLines lines)
    {
        Path = path;
        Text = text;
        HasByteOrderMark = hasByteOrderMark;
        Rules = rules;
        _lines = lines;
    }

    /// <summary>The path as it was given; messages name it.</summary>
    public string Path { get; }

    /// <summary>The file's text, without a byte order mark.</summary>
    public string Text { get; }

    /// <summary>What the file says; best effort is always among the virtual services.</summary>
    public RuleSet Rules { get; }

    internal bool HasByteOrderMark { get; }

    /// <summary>Line (from 1) of a virtual service or of one of its keys; the nearest line above where the file does not have the key.</summary>
    public int LineOfVirtualService(string name, params ReadOnlySpan<string> keys) => RuleLines.LineOf(_lines.VirtualServices.GetValueOrDefault(name), keys);

    /// <summary>The same for a service.</summary>
    public int LineOfService(string name, params ReadOnlySpan<string> keys) => RuleLines.LineOf(_lines.Services.GetValueOrDefault(name), keys);

    /// <summary>The same for a gate: <c>LineOfGate("postgres-accept", "when", "requester")</c>.</summary>
    public int LineOfGate(string id, params ReadOnlySpan<string> keys) => RuleLines.LineOf(_lines.Gates.GetValueOrDefault(id), keys);

    /// <summary>Line of <c>network</c>; 1 where the file has none.</summary>
    public int LineOfNetwork => RuleLines.LineOf(_lines.Network);

    /// <summary>
    /// Whether a gate is enforced: an approved gate that was edited after its approval (its digest no longer matches) counts as proposed.
    /// </summary>
    public GateState EffectiveState(Gate gate)
    {
        // Kept: a gate has as many requesters in its digest as there are tenants, and the checks ask for each gate that wins.
        if (!_states.TryGetValue(gate, out GateState state)) _states.Add(gate, state = GateDigest.EffectiveState(gate, Rules));
        return state;
    }

    internal YamlMapping NodeOfGate(string id) => (YamlMapping)_lines.Gates[id];
}
