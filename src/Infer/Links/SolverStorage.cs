namespace VirtualServices.Infer.Links;

/// <summary>Where windows are solved, one after the other: made once, for a window fills megabytes.</summary>
internal sealed class SolverStorage
{
    /// <summary>Finds the assignments.</summary>
    public SparseAssignment Assignment { get; } = new();

    /// <summary>Whose each call was before the present step, callee by callee.</summary>
    public List<Owner> Owners { get; } = [];

    /// <summary>Calls to a callee in the order in which the requests arrived that they work for.</summary>
    public List<(long ArrivalNs, int Number)> Linked { get; } = [];

    /// <summary>How far neighbours of them arrived apart, and after what time each got its call.</summary>
    public List<(long Apart, long First, long Second)> Pairs { get; } = [];

    /// <summary>Requests that were not alone.</summary>
    public List<RequestNode> Shared { get; } = [];

    /// <summary>Calls that the present step took away or found without a request, unit by unit.</summary>
    public List<CallNode> Taken { get; } = [];

    /// <summary>What is given back as a whole.</summary>
    public List<Unit> Units { get; } = [];

    /// <summary>Calls of each request before the present round, and after it.</summary>
    public List<CallNode?> Links { get; set; } = [];

    public List<CallNode?> LinksNow { get; set; } = [];

    /// <summary>Score of each request without what was taken away, NaN before it is asked for.</summary>
    public double[] Without { get; private set; } = [];

    /// <summary>What each candidate of each call gains by it where it has no other call, NaN before it is asked for in the present round.</summary>
    public double[] Gains { get; private set; } = [];

    /// <summary>Score of each request as it stands, NaN before it is asked for.</summary>
    public double[] Own { get; private set; } = [];

    /// <summary>What the calls of each request sum up to.</summary>
    public ulong[] Signs { get; private set; } = [];

    /// <summary>What speaks for the link of each call.</summary>
    public LinkFeatures[] Features { get; private set; } = [];

    /// <summary>For so many requests and calls.</summary>
    public void MakeRoom(int requests, int calls)
    {
        if (Own.Length < requests)
        {
            requests = Math.Max(requests, 2 * Own.Length);
            (Without, Own, Signs) = (new double[requests], new double[requests], new ulong[requests]);
        }

        if (Features.Length < calls) Features = new LinkFeatures[Math.Max(calls, 2 * Features.Length)];
    }

    /// <summary>For so many candidates of all calls.</summary>
    public double[] MakeGains(int candidates)
    {
        if (Gains.Length < candidates) Gains = new double[Math.Max(candidates, 2 * Gains.Length)];
        return Gains;
    }

    /// <summary>Keeps the room and nothing in it.</summary>
    public void LetGo()
    {
        Shared.Clear();
        Taken.Clear();
        Links.Clear();
        LinksNow.Clear();
        Units.Clear();
    }
}

/// <summary>Calls that go to one request together.</summary>
/// <param name="First">Where they begin among all that were taken.</param>
/// <param name="Count">How many.</param>
/// <param name="Owner">Whose they were, or null.</param>
internal readonly record struct Unit(int First, int Count, RequestNode? Owner);
