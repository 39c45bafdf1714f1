namespace VirtualServices.Enforce;

/// <summary>Who decides for whom a process works: <c>enum membership</c> in <c>gates.h</c>.</summary>
public enum Membership : uint
{
    /// <summary>Front doors, services and gates of the rule file.</summary>
    ByRules = 0,

    /// <summary>A person, for this process: <c>vs assign</c>. No rule and no gate changes it.</summary>
    Assigned = 1,

    /// <summary>A person, for the process that made this one.</summary>
    OfAssigned = 2,

    /// <summary>The assignment was taken back; the enforcer has not yet said what the rules make of it.</summary>
    Released = 3,
}
