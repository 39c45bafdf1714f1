namespace VirtualServices.Enforce.Shares;

/// <summary>
/// Corrects weights by measured use: whoever used less than it is entitled to is preferred until it has caught up, at most <see cref="MostFactor"/> times its weight.
/// Weights alone divide the CPUs rightly over seconds, but a virtual service that asks now and then waits for a slice of everybody else at each wake-up;
/// preferred, it runs when it wakes. One that takes its whole entitlement has exactly the weight of the rules, so long-run shares stay what was approved.
/// </summary>
/// <remarks>Deterministic and without a clock: the caller says how much time has passed.</remarks>
internal sealed class ShareFeedback
{
    /// <summary>The most that a weight is multiplied with. It bounds what a sleeper that suddenly surges can take before the feedback has seen it.</summary>
    public const double MostFactor = 8;

    /// <summary>Time constant of the smoothed use, s: long enough for a burst of single requests to keep its preference, short enough to end a surge's.</summary>
    public const double SmoothingSeconds = 0.2;

    // Below a thousandth of a CPU a group is asleep: it takes no part in the division.
    private const double Asleep = 0.001;
    private const double MostWeight = 10_000;

    private readonly ShareNode[] _nodes;
    private readonly double _cpus;
    private readonly double[] _used;
    private readonly double[] _entitled;
    private readonly double[] _factor;
    private readonly double[] _active;
    private readonly double[] _largest;

    /// <summary>Begins with nobody having used anything.</summary>
    /// <param name="nodes">Parents before their children.</param>
    /// <param name="cpus">CPUs that the top ones share.</param>
    public ShareFeedback(IReadOnlyList<ShareNode> nodes, double cpus)
    {
        _nodes = [.. nodes];
        for (int i = 0; i < _nodes.Length; i++)
            if (_nodes[i].Parent >= i) throw new ArgumentException("parents stand before their children", nameof(nodes));
        _cpus = cpus;
        _used = new double[_nodes.Length];
        _entitled = new double[_nodes.Length];
        _factor = new double[_nodes.Length];
        _active = new double[_nodes.Length + 1]; // of the children of a node; the last one is for the top
        _largest = new double[_nodes.Length + 1];
        Array.Fill(_factor, 1);
    }

    /// <summary>CPUs that a node and all below it used, smoothed.</summary>
    public double Used(int node) => _used[node];

    /// <summary>CPUs that a node may use while all that are active now want all they can get.</summary>
    public double Entitled(int node) => _entitled[node];

    /// <summary>Takes in what was used in a period, and computes the factors anew.</summary>
    /// <param name="cpus">CPUs that each node's own processes used, without those of its children.</param>
    /// <param name="seconds">Length of the period.</param>
    public void Observe(ReadOnlySpan<double> cpus, double seconds)
    {
        double part = 1 - Math.Exp(-seconds / SmoothingSeconds);
        Span<double> total = _entitled; // its old values are not needed any more
        cpus.CopyTo(total);
        for (int i = _nodes.Length - 1; i >= 0; i--)
        {
            _used[i] += part * (total[i] - _used[i]);
            if (_nodes[i].Parent >= 0) total[_nodes[i].Parent] += total[i];
        }

        Array.Clear(_active);
        for (int i = 0; i < _nodes.Length; i++)
            if (_used[i] >= Asleep) _active[Family(i)] += _nodes[i].Weight;
        for (int i = 0; i < _nodes.Length; i++)
        {
            // Children share what their parent may use, or does use because others leave it to it.
            int parent = _nodes[i].Parent;
            double shared = parent < 0 ? _cpus : Math.Max(_entitled[parent], _used[parent]);
            double others = _used[i] >= Asleep ? 0 : _nodes[i].Weight; // a sleeper would wake up to this
            _entitled[i] = shared * _nodes[i].Weight / (_active[Family(i)] + others);
            _factor[i] = Math.Clamp(_entitled[i] / Math.Max(_used[i], Asleep), 1, MostFactor);
        }
    }

    /// <summary>Writes the corrected weights, 1..10000; only their relation among siblings means something.</summary>
    public void Weights(Span<int> weights)
    {
        Array.Clear(_largest);
        for (int i = 0; i < _nodes.Length; i++)
            _largest[Family(i)] = Math.Max(_largest[Family(i)], _nodes[i].Weight * _factor[i]);
        for (int i = 0; i < _nodes.Length; i++)
        {
            double scale = Math.Min(1, MostWeight / _largest[Family(i)]);
            weights[i] = Math.Max(1, (int)Math.Round(_nodes[i].Weight * _factor[i] * scale));
        }
    }

    private int Family(int node) => _nodes[node].Parent < 0 ? _nodes.Length : _nodes[node].Parent;
}
