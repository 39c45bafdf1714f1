namespace VirtualServices.Model;

/// <summary>
/// The gates of one call of one service, found by address and requester: thousands of gates for thousands of requesters are never compared each with each.
/// </summary>
public sealed class GateIndex
{
    private readonly IReadOnlyList<Gate> _gates;
    private readonly GatePrecedence _precedence;
    private readonly Layer _everywhere = new();
    private readonly Dictionary<ListenAddress, Layer> _at = [];

    /// <summary>Takes the gates in.</summary>
    /// <param name="gates">Gates of one call of one service, in the order of the file.</param>
    /// <param name="precedence">Which of several gates acts.</param>
    public GateIndex(IReadOnlyList<Gate> gates, GatePrecedence precedence)
    {
        ArgumentNullException.ThrowIfNull(gates);
        ArgumentNullException.ThrowIfNull(precedence);
        _gates = gates;
        _precedence = precedence;
        for (int i = 0; i < gates.Count; i++) LayerOf(gates[i].When.Listen).Add(gates[i], i, precedence);
    }

    /// <summary>The gates that a connection accepted at an address passes: those without an address, at the port of any host, at this very address.</summary>
    /// <param name="address">The address; null for none that a gate names.</param>
    public Place At(ListenAddress? address)
    {
        List<Layer> layers = [_everywhere];
        if (address is { Address: not null } && _at.TryGetValue(address with { Address = null }, out Layer? port)) layers.Add(port);
        if (address is not null && _at.TryGetValue(address, out Layer? own)) layers.Add(own);
        return new Place(this, [.. layers]);
    }

    private Layer LayerOf(ListenAddress? address)
    {
        if (address is null) return _everywhere;
        if (!_at.TryGetValue(address, out Layer? layer)) _at.Add(address, layer = new Layer());
        return layer;
    }

    /// <summary>The gates at one address.</summary>
    public sealed class Place
    {
        private readonly GateIndex _index;
        private readonly Layer[] _layers;

        internal Place(GateIndex index, Layer[] layers)
        {
            _index = index;
            _layers = layers;
            Count = layers.Sum(layer => layer.Count);
        }

        /// <summary>How many gates there are here, for whichever requester.</summary>
        public int Count { get; }

        /// <summary>The gate that acts for a requester; -1 where there is none.</summary>
        /// <param name="requester">Name of the requester's virtual service; null where it is one that no gate names, or unknown.</param>
        public int Winner(string? requester)
        {
            Step best = Step.None;
            foreach (Layer layer in _layers)
                foreach (List<Step>? steps in (ReadOnlySpan<List<Step>?>)[layer.ForAnybody, layer.For(requester)])
                    if (steps is { Count: > 0 } && steps[^1].Beats(best)) best = steps[^1];
            return best.Gate;
        }

        /// <summary>The gate standing first in the file that acts instead of another one; -1 where there is none.</summary>
        /// <param name="gate">The other gate, which matches the requester.</param>
        /// <param name="requester">Name of the requester's virtual service; null where it is one that no gate names, or unknown.</param>
        public int FirstToBeat(int gate, string? requester)
        {
            Step one = Step.Of(_index._gates[gate], gate, requester, _index._precedence);
            int first = -1;
            foreach (Layer layer in _layers)
                foreach (List<Step>? steps in (ReadOnlySpan<List<Step>?>)[layer.ForAnybody, layer.For(requester)])
                    if (FirstToBeat(steps, one) is >= 0 and int found && (first < 0 || found < first)) first = found;
            return first;
        }

        // Each step beats all before it, so those that beat the given one are the last.
        private static int FirstToBeat(List<Step>? steps, Step one)
        {
            int low = 0, high = steps?.Count ?? 0, all = high;
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (steps![middle].Beats(one)) high = middle;
                else low = middle + 1;
            }

            return low < all ? steps![low].Gate : -1;
        }
    }

    /// <summary>
    /// Gates at the same address, apart for anybody and for each requester that they name. Only those are kept that beat all before them: neither the winner nor the first
    /// to beat a given gate can be another.
    /// </summary>
    internal sealed class Layer
    {
        private readonly Dictionary<string, List<Step>> _for = new(StringComparer.Ordinal);

        public int Count { get; private set; }

        public List<Step> ForAnybody { get; } = [];

        public List<Step>? For(string? requester) => requester is null ? null : _for.GetValueOrDefault(requester);

        public void Add(Gate gate, int number, GatePrecedence precedence)
        {
            Count++;
            if (gate.When.Requesters is null) Add(ForAnybody, Step.Of(gate, number, null, precedence));
            foreach (string requester in gate.When.Requesters ?? [])
            {
                if (!_for.TryGetValue(requester, out List<Step>? steps)) _for.Add(requester, steps = []);
                Add(steps, Step.Of(gate, number, requester, precedence));
            }
        }

        private static void Add(List<Step> steps, Step step)
        {
            if (steps.Count == 0 || step.Beats(steps[^1])) steps.Add(step);
        }
    }

    /// <summary>A gate with what decides for one requester.</summary>
    internal readonly record struct Step(int Gate, long Priority, int Specificity)
    {
        public static readonly Step None = new(-1, 0, 0);

        public static Step Of(Gate gate, int number, string? requester, GatePrecedence precedence) =>
            new(number, precedence.PriorityOf(gate, requester), GatePrecedence.Specificity(gate));

        public bool Beats(Step other)
        {
            if (other.Gate < 0) return true;
            if (Priority != other.Priority) return Priority > other.Priority;
            return Specificity != other.Specificity ? Specificity > other.Specificity : Gate < other.Gate;
        }
    }
}
