namespace VirtualServices.Enforce.Kernel;

/// <summary>What an assignment does to a task that has a tag: <c>enum assignment_force</c> in <c>gates.h</c>.</summary>
internal enum AssignmentForce : uint
{
    /// <summary>Nothing: only a task without a tag gets one.</summary>
    None = 0,

    /// <summary>Changes what rules and gates chose, never what a person assigned.</summary>
    Rules = 1,

    /// <summary>A person assigns it.</summary>
    Explicit = 2,

    /// <summary>Hands an assigned task back to the rules: the enforcer's next scan says what it is.</summary>
    Release = 3,

    /// <summary>Takes the tag of a released task away.</summary>
    Remove = 4,
}
