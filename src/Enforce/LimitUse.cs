namespace VirtualServices.Enforce;

/// <summary>A limit of sockets, and what is counted.</summary>
/// <param name="VirtualService">Name of the virtual service.</param>
/// <param name="Used">Sockets now, with those of all below it. More than the limit where sockets were there before it, or were accepted and could not be refused.</param>
/// <param name="Limit">Most at a time.</param>
/// <param name="Hits">Calls that met it since the enforcement began.</param>
/// <param name="OnLimit">What happens then, as a rule file spells it; <c>count</c> in an audit.</param>
public sealed record LimitUse(string VirtualService, long Used, long Limit, long Hits, string OnLimit);
