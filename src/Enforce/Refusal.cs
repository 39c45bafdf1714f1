using VirtualServices.Enforce.Members;
using VirtualServices.Enforce.Rules;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>Which kind of object a refusal is about.</summary>
public enum RefusedPart
{
    /// <summary>A virtual service.</summary>
    VirtualService,

    /// <summary>A service.</summary>
    Service,

    /// <summary>A gate.</summary>
    Gate,
}

/// <summary>A reason for which a rule set cannot be enforced.</summary>
/// <param name="Part">Kind of the object that is in the way.</param>
/// <param name="Name">Its name or id.</param>
/// <param name="Text">Why, and what is expected instead; one line.</param>
/// <param name="Place">Where below the object it stands: keys of the rule file and numbers of items (from 0) with dots between, such as <c>frontDoors.1.unit</c>; empty: the object as a whole.</param>
public sealed record Refusal(RefusedPart Part, string Name, string Text, string Place = "")
{
    /// <summary>The object, as messages name it: <c>gate postgres-accept</c>.</summary>
    public string Subject => $"{KindOf(Part)} {Name}";

    /// <summary>All reasons that are known before anything is touched, without root: what gates cannot do, and units that this host does not know.</summary>
    /// <param name="rules">The rules.</param>
    /// <param name="audit">True where gates are only to classify and count.</param>
    public static IReadOnlyList<Refusal> Find(RuleSet rules, bool audit)
    {
        ArgumentNullException.ThrowIfNull(rules);
        return [.. Refusals.Find(rules, audit), .. UnitCheck.Find(rules)];
    }

    /// <summary>All reasons for which this host, as it is now, cannot enforce what another one could; empty without root, which the kernel does not let ask.</summary>
    /// <param name="rules">The rules.</param>
    /// <param name="audit">True where gates are only to classify and count.</param>
    public static IReadOnlyList<Refusal> FindOnThisHost(RuleSet rules, bool audit)
    {
        ArgumentNullException.ThrowIfNull(rules);
        return Environment.IsPrivilegedProcess ? [.. HostRefusals.Find(rules, audit)] : [];
    }

    private static string KindOf(RefusedPart part) => part switch
    {
        RefusedPart.VirtualService => "virtual service",
        RefusedPart.Service => "service",
        _ => "gate",
    };
}
