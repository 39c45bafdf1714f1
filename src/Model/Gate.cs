namespace VirtualServices.Model;

/// <summary>The call on which a gate re-binds.</summary>
public enum GateCall
{
    /// <summary>A connection is accepted.</summary>
    Accept,

    /// <summary>A request, or a part of one, is received.</summary>
    Receive,

    /// <summary>Something is sent.</summary>
    Send,

    /// <summary>A connection to another service is made.</summary>
    Connect,

    /// <summary>A process or thread is made.</summary>
    Fork,

    /// <summary>Another program is executed.</summary>
    Exec,

    /// <summary>A socket is made.</summary>
    Socket,
}

/// <summary>Which virtual service a gate chooses.</summary>
public enum ClassificationKind
{
    /// <summary>The one of whoever sent the request.</summary>
    Requester,

    /// <summary>The one of whoever made this object.</summary>
    Creator,

    /// <summary>The present one: the gate does nothing.</summary>
    Keep,

    /// <summary>A virtual service by name.</summary>
    Named,
}

/// <summary>What a gate re-binds.</summary>
public enum BindScope
{
    /// <summary>All threads of the process.</summary>
    Process,

    /// <summary>The calling thread.</summary>
    Thread,

    /// <summary>The connection only.</summary>
    Connection,

    /// <summary>The request in flight on the connection.</summary>
    Request,
}

/// <summary>Whether a gate has been reviewed.</summary>
public enum GateState
{
    /// <summary>Proposed by inference or edited since its approval; not enforced.</summary>
    Proposed,

    /// <summary>Approved by a person; enforced.</summary>
    Approved,

    /// <summary>Rejected by a person; not enforced and not proposed again.</summary>
    Rejected,
}

/// <summary>Classification of a gate.</summary>
/// <param name="Kind">How the virtual service is chosen.</param>
/// <param name="VirtualService">The name for <see cref="ClassificationKind.Named"/>, else empty.</param>
public sealed record Classification(ClassificationKind Kind, string VirtualService = "");

/// <summary>Narrowing of a gate; a null member does not narrow.</summary>
/// <param name="Listen">The connection was accepted at this address.</param>
/// <param name="Requesters">The requester is one of these virtual services.</param>
public sealed record GateCondition(ListenAddress? Listen, IReadOnlyList<string>? Requesters);

/// <summary>Who reviewed a gate.</summary>
/// <param name="By">Name of the reviewer, empty before a review.</param>
/// <param name="At">UTC time in ISO 8601, empty before a review.</param>
/// <param name="Note">Free text.</param>
/// <param name="Digest">Digest of what was approved (<c>GateDigest</c>); an edited gate no longer matches it and counts as proposed.</param>
public sealed record GateReview(string By, string At, string Note, string Digest)
{
    /// <summary>Not reviewed.</summary>
    public static readonly GateReview None = new("", "", "", "");
}

/// <summary>A gate rule: condition => classification.</summary>
/// <param name="Id">Unique in a rule set.</param>
/// <param name="Service">Name of the service whose calls pass the gate.</param>
/// <param name="On">The call.</param>
/// <param name="When">Narrowing.</param>
/// <param name="Classify">Which virtual service is chosen.</param>
/// <param name="Binds">What is re-bound.</param>
/// <param name="State">Review state.</param>
/// <param name="Evidence">What the sessions say for and against it, or null for a gate that a person wrote.</param>
/// <param name="Review">The review, <see cref="GateReview.None"/> before.</param>
public sealed record Gate(
    string Id,
    string Service,
    GateCall On,
    GateCondition When,
    Classification Classify,
    BindScope Binds,
    GateState State,
    GateEvidence? Evidence,
    GateReview Review);
