namespace VirtualServices.Infer.Links;

/// <summary>From what the delay of an event within a request is counted.</summary>
internal enum DelayFrom
{
    /// <summary>The arrival of the request.</summary>
    Arrival,

    /// <summary>The latest call that was sent before: calls made in parallel follow each other.</summary>
    Sent,

    /// <summary>The latest answer that was there before: calls made in sequence.</summary>
    Returned,
}

/// <summary>When an event of a request happens: a mixture over what it may follow, since the order of calls is not known beforehand. Learnt from the links found so far.</summary>
internal sealed class DelaySlot
{
    private const int Origins = 3;
    private readonly DelayDensity[] _delays = [new(), new(), new()];
    private readonly double[] _counts = new double[Origins];
    private readonly double[] _base = new double[Origins];
    private readonly double[] _weight = new double[Origins];

    public DelaySlot() => Estimate();

    /// <summary>Entropy of the sharpest way to tell the event's time, nats; large where delays say nothing.</summary>
    public double Sharpness { get; private set; }

    /// <summary>Observations.</summary>
    public double Total => _counts[0] + _counts[1] + _counts[2];

    /// <summary>Log density of the event's time.</summary>
    /// <param name="delays">The delays.</param>
    /// <param name="own">It was learnt from: what it taught is left out.</param>
    public double Log(in Delays delays, bool own = false)
    {
        double one = _weight[0] * _delays[0].Of(delays.Arrival), weights = _weight[0], two = 0, three = 0;
        if (delays.Sent >= 0)
        {
            two = _weight[1] * _delays[1].Of(delays.Sent);
            weights += _weight[1];
        }

        if (delays.Returned >= 0)
        {
            three = _weight[2] * _delays[2].Of(delays.Returned);
            weights += _weight[2];
        }

        double sum = one + two + three;
        if (!own) return Math.Log(sum / weights);
        double others = _weight[0] * _delays[0].Without(delays.Arrival, one / sum);
        if (delays.Sent >= 0) others += _weight[1] * _delays[1].Without(delays.Sent, two / sum);
        if (delays.Returned >= 0) others += _weight[2] * _delays[2].Without(delays.Returned, three / sum);
        return Math.Log(others / weights);
    }

    /// <summary>Learns from an event, shared out among what it may have followed.</summary>
    public void Add(in Delays delays)
    {
        (long arrival, long sent, long returned) = delays;
        double one = _weight[0] * _delays[0].Of(arrival);
        double two = sent >= 0 ? _weight[1] * _delays[1].Of(sent) : 0;
        double three = returned >= 0 ? _weight[2] * _delays[2].Of(returned) : 0;
        double sum = one + two + three;
        Add(0, arrival, one / sum);
        if (sent >= 0) Add(1, sent, two / sum);
        if (returned >= 0) Add(2, returned, three / sum);
    }

    /// <summary>Learns a delay from the arrival only, where nothing else is known yet.</summary>
    public void AddArrival(long arrival, double weight) => Add(0, arrival, weight);

    /// <summary>Back to what earlier windows taught.</summary>
    public void Reset()
    {
        Array.Copy(_base, _counts, Origins);
        foreach (DelayDensity delay in _delays) delay.Reset();
    }

    /// <summary>What is known now is kept for later windows, at a part of its weight.</summary>
    public void Keep(double part)
    {
        for (int i = 0; i < Origins; i++) _base[i] = _counts[i] * part;
        foreach (DelayDensity delay in _delays) delay.Keep(part);
    }

    public void Estimate()
    {
        double total = Total + Origins;
        Sharpness = double.MaxValue;
        for (int i = 0; i < Origins; i++)
        {
            _delays[i].Estimate();
            _weight[i] = (_counts[i] + 1) / total;
            if (_weight[i] > 0.2) Sharpness = Math.Min(Sharpness, _delays[i].Entropy);
        }
    }

    private void Add(int from, long ticks, double weight)
    {
        _counts[from] += weight;
        _delays[from].Add(ticks, weight);
    }
}

/// <summary>When an event of a request happens, in ticks. Below 0 stands for "there was no such event before".</summary>
/// <param name="Arrival">Since the request's arrival.</param>
/// <param name="Sent">Since the latest call that was sent before.</param>
/// <param name="Returned">Since the latest answer that was there before.</param>
internal readonly record struct Delays(long Arrival, long Sent, long Returned);
