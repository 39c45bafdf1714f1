using VirtualServices.Enforce;
using VirtualServices.Enforce.Watching;

namespace VirtualServices.Cli.Top;

/// <summary>A line of the table.</summary>
/// <param name="Depth">0 for the topmost virtual services, one more for each level; services stand one level below their virtual service.</param>
/// <param name="Name">What is shown.</param>
/// <param name="IsService">A service of the virtual service above it.</param>
/// <param name="Entitled">CPUs; null for services, which have no share of their own.</param>
/// <param name="Rate">What was used.</param>
/// <param name="Now">Counts now.</param>
/// <param name="History">CPUs of the last intervals, oldest first; empty for services.</param>
internal sealed record TopRow(int Depth, string Name, bool IsService, double? Entitled, UseRate Rate, UseCounts Now, IReadOnlyList<double> History)
{
    /// <summary>Rows in the order of the table: children below their parent, siblings by the key.</summary>
    /// <param name="rates">Virtual services.</param>
    /// <param name="history">CPUs of the last intervals by name.</param>
    /// <param name="sort">Order of siblings.</param>
    /// <param name="services">Show services, too.</param>
    public static List<TopRow> Of(IReadOnlyList<VirtualServiceRate> rates, IReadOnlyDictionary<string, IReadOnlyList<double>> history, TopSort sort, bool services)
    {
        HashSet<string> names = [.. rates.Select(rate => rate.Name)];
        ILookup<string, VirtualServiceRate> children = rates.ToLookup(rate => names.Contains(rate.Parent) ? rate.Parent : "", StringComparer.Ordinal);
        List<TopRow> rows = [];
        Add("", 0);
        return rows;

        void Add(string parent, int depth)
        {
            foreach (VirtualServiceRate rate in children[parent].OrderByDescending(rate => KeyOf(rate.Total, rate.Entitled, sort)).ThenBy(rate => rate.Name, StringComparer.Ordinal))
            {
                rows.Add(new TopRow(depth, rate.Name, false, rate.Entitled, rate.Total, rate.Now, history.GetValueOrDefault(rate.Name) ?? []));
                if (services)
                    foreach (ServiceRate service in rate.Services.OrderByDescending(service => KeyOf(service.Rate, 0, sort)).ThenBy(service => service.Service, StringComparer.Ordinal))
                        rows.Add(new TopRow(depth + 1, service.Service.Length > 0 ? service.Service : "(front door)", true, null, service.Rate, service.Now, []));
                Add(rate.Name, depth + 1);
            }
        }
    }

    private static double KeyOf(UseRate rate, double entitled, TopSort sort) => sort switch
    {
        TopSort.Used => rate.Cpus,
        TopSort.Entitled => entitled,
        TopSort.Requests => rate.Requests,
        TopSort.Waiting => rate.Waiting,
        TopSort.Unknown => rate.UnknownRequests,
        _ => 0,
    };
}

/// <summary>Order of siblings.</summary>
internal enum TopSort
{
    /// <summary>CPU used, most first.</summary>
    Used,

    /// <summary>CPU entitled, most first.</summary>
    Entitled,

    /// <summary>Requests a second, most first.</summary>
    Requests,

    /// <summary>Waiting threads, most first.</summary>
    Waiting,

    /// <summary>Requests whose requester is not known, most first.</summary>
    Unknown,

    /// <summary>By name.</summary>
    Name,
}
