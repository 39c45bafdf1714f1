namespace VirtualServices.Enforce;

/// <summary>A limit, and what is counted.</summary>
/// <param name="VirtualService">Name of the virtual service.</param>
/// <param name="What"><see cref="OfProcesses"/> or <see cref="OfSockets"/>.</param>
/// <param name="Used">How many now, with those of all below it. More than the limit where they were there before it, or came in a way that cannot be refused.</param>
/// <param name="Limit">Most at a time.</param>
/// <param name="Hits">Calls that met it since the enforcement began.</param>
/// <param name="OnLimit">What happens then, as a rule file spells it; <c>count</c> in an audit.</param>
public sealed record LimitUse(string VirtualService, string What, long Used, long Limit, long Hits, string OnLimit)
{
    /// <summary>Processes.</summary>
    public const string OfProcesses = "processes";

    /// <summary>Sockets.</summary>
    public const string OfSockets = "sockets";
}
