namespace VirtualServices.Model;

/// <summary>A hosted service: the processes that implement one service interface.</summary>
/// <param name="Name">Unique in a rule set or session.</param>
/// <param name="Match">Any of these makes a process, with its descendants, part of the service.</param>
public sealed record Service(string Name, IReadOnlyList<Selector> Match);
