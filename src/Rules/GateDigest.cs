using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using VirtualServices.Model;
using VirtualServices.Rules.Reading;

namespace VirtualServices.Rules;

/// <summary>
/// Digest of what a gate makes the kernel do: id, service with its match, call, narrowing, classification and scope. Evidence, state and review do not count,
/// nor do the order of selectors and requesters and the spelling of addresses.
/// </summary>
public static class GateDigest
{
    private const string Prefix = "sha256:";
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Digest of a gate: <c>sha256:</c> and 64 hexadecimal digits.</summary>
    /// <param name="gate">The gate.</param>
    /// <param name="rules">The rule set with the gate's service.</param>
    /// <exception cref="ArgumentException">The rule set lacks the service.</exception>
    public static string Of(Gate gate, RuleSet rules)
    {
        ArgumentNullException.ThrowIfNull(gate);
        ArgumentNullException.ThrowIfNull(rules);
        Service service = rules.Services.FirstOrDefault(service => service.Name == gate.Service)
            ?? throw new ArgumentException($"the rule set has no service '{gate.Service}'", nameof(rules));
        return Of(gate, service);
    }

    /// <summary>Digest of a gate on the given service.</summary>
    public static string Of(Gate gate, Service service)
    {
        ArgumentNullException.ThrowIfNull(gate);
        ArgumentNullException.ThrowIfNull(service);
        var canonical = new StringBuilder("gate/1;");
        Add(canonical, gate.Id);
        Add(canonical, service.Name);
        AddList(canonical, service.Match.Select(selector => selector.ToString()));
        Add(canonical, RuleWords.Of(gate.On));
        Add(canonical, gate.When.Listen?.ToString() ?? "");
        Add(canonical, gate.When.Requesters is null ? "any" : "of");
        AddList(canonical, gate.When.Requesters ?? []);
        Add(canonical, gate.Classify.Kind.ToString());
        Add(canonical, gate.Classify.VirtualService);
        Add(canonical, RuleWords.Of(gate.Binds));
        return Prefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical.ToString())));
    }

    /// <summary>The gate's state, or <see cref="GateState.Proposed"/> where it says approved but is not what was approved.</summary>
    public static GateState EffectiveState(Gate gate, RuleSet rules)
    {
        ArgumentNullException.ThrowIfNull(gate);
        return gate.State == GateState.Approved && gate.Review.Digest != Of(gate, rules) ? GateState.Proposed : gate.State;
    }

    internal static bool IsWellFormed(string digest) =>
        digest.Length == Prefix.Length + 64 && digest.StartsWith(Prefix, StringComparison.Ordinal)
        && digest.AsSpan(Prefix.Length).IndexOfAnyExcept(HexDigits) < 0;

    /// <summary>Lengths before texts: no two different gates have the same canonical form, whatever characters they hold.</summary>
    private static void Add(StringBuilder to, string text) => to.Append(Encoding.UTF8.GetByteCount(text)).Append(':').Append(text).Append(';');

    private static void AddList(StringBuilder to, IEnumerable<string> items)
    {
        string[] sorted = items.Order(StringComparer.Ordinal).ToArray();
        to.Append(sorted.Length).Append('*');
        foreach (string item in sorted) Add(to, item);
    }
}
