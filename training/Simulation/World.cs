namespace VirtualServices.Training.Simulation;

/// <summary>Does things in the order of their times.</summary>
internal sealed class World
{
    private readonly PriorityQueue<Action, (long TimeNs, long Number)> _queue = new();
    private long _number;

    public long NowNs { get; private set; }

    public void After(long ns, Action action) => _queue.Enqueue(action, (NowNs + Math.Max(ns, 0), _number++));

    /// <summary>Until nothing is left to do.</summary>
    public void Run()
    {
        while (_queue.TryDequeue(out Action? action, out (long TimeNs, long Number) at))
        {
            NowNs = at.TimeNs;
            action();
        }
    }
}
