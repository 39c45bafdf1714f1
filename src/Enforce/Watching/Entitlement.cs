namespace VirtualServices.Enforce.Watching;

/// <summary>What a virtual service may claim of something that is shared by weights.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parent">Name of its parent; empty, or a name that nobody has, for the topmost.</param>
/// <param name="Weight">Weight among its siblings.</param>
/// <param name="Max">Upper bound in the unit of what is shared, or null for none.</param>
/// <param name="Active">It asks for something itself, apart from its children.</param>
public sealed record Claim(string Name, string Parent, int Weight, double? Max, bool Active);

/// <summary>
/// Who may use how much at this moment: by weights among those that are active, level by level, as the kernel's scheduler divides between groups.
/// What somebody may not take because of its maximum goes to its siblings. Pure: the same claims give the same shares.
/// </summary>
public static class Entitlement
{
    /// <summary>Weight of a virtual service's own processes against its children: its group has them in a group of their own, of default weight.</summary>
    public const int OwnWeight = 100;

    /// <summary>Divides.</summary>
    /// <param name="claims">All virtual services; names are unique.</param>
    /// <param name="capacity">How much there is, for instance the number of CPUs.</param>
    /// <returns>For each name what it and all below it may use; 0 where nothing there is active.</returns>
    public static IReadOnlyDictionary<string, double> Of(IReadOnlyList<Claim> claims, double capacity)
    {
        ArgumentNullException.ThrowIfNull(claims);
        Dictionary<string, Claim> byName = claims.ToDictionary(claim => claim.Name, StringComparer.Ordinal);
        ILookup<string, Claim> children = claims.ToLookup(claim => byName.ContainsKey(claim.Parent) ? claim.Parent : "", StringComparer.Ordinal);
        Dictionary<string, double> limits = new(StringComparer.Ordinal), shares = claims.ToDictionary(claim => claim.Name, _ => 0.0, StringComparer.Ordinal);
        foreach (Claim top in children[""]) Limit(top, children, limits);
        Divide("", false, Math.Max(0, capacity), children, limits, shares);
        return shares;
    }

    // Most that a group can use: 0 where nothing in it is active, else its maximum or, if less, what its members can use together.
    private static double Limit(Claim claim, ILookup<string, Claim> children, Dictionary<string, double> limits)
    {
        double below = claim.Active ? double.PositiveInfinity : 0;
        foreach (Claim child in children[claim.Name]) below += Limit(child, children, limits);
        return limits[claim.Name] = Math.Min(below, claim.Max ?? double.PositiveInfinity);
    }

    private static void Divide(string group, bool own, double amount, ILookup<string, Claim> children, Dictionary<string, double> limits, Dictionary<string, double> shares)
    {
        List<Claim> open = [.. children[group].Where(child => limits[child.Name] > 0)];
        double weights = open.Sum(child => (double)child.Weight) + (own ? OwnWeight : 0);
        while (true)
        {
            // Who would get more than its limit gets its limit; the rest is divided anew among the others.
            List<Claim> full = [.. open.Where(child => amount * child.Weight / weights >= limits[child.Name])];
            if (full.Count == 0) break;
            double taken = 0, freed = 0;
            foreach (Claim child in full)
            {
                shares[child.Name] = limits[child.Name];
                taken += limits[child.Name];
                freed += child.Weight;
                open.Remove(child);
            }

            amount = Math.Max(0, amount - taken);
            weights -= freed;
        }

        foreach (Claim child in open) shares[child.Name] = amount * child.Weight / weights;
        foreach (Claim child in children[group]) Divide(child.Name, child.Active, shares[child.Name], children, limits, shares);
    }
}
