namespace VirtualServices.Enforce.Shares;

/// <summary>A group that competes for CPU time with its siblings.</summary>
/// <param name="Parent">Index of its parent among the nodes, smaller than its own; -1 at the top.</param>
/// <param name="Weight">Weight among siblings, 1..10000, as the rules say.</param>
internal readonly record struct ShareNode(int Parent, int Weight);
