namespace VirtualServices.Training.Simulation;

/// <summary>The threads of a service: who does what next, and how long it takes.</summary>
internal sealed class Crew(World world, Dice dice, ServicePlan plan)
{
    private readonly Stack<int> _free = new(Enumerable.Range(1, plan.Workers).Reverse());
    private readonly LinkedList<Action<int>> _waiting = [];
    private readonly Dictionary<int, long> _since = [];
    private int _computing;
    private long _stoppedUntilNs, _nextStopNs;

    /// <summary>Time that threads were taken, ns.</summary>
    public long BusyNs { get; private set; }

    /// <summary>Calls <paramref name="go"/> with the number of a free thread, which it has to give back.</summary>
    public void Take(Action<int> go)
    {
        if (_free.Count > 0)
        {
            Give(_free.Pop(), go);
        }
        else if (plan.LastFirst)
        {
            _waiting.AddFirst(go);
        }
        else
        {
            _waiting.AddLast(go);
        }
    }

    public void GiveBack(int thread)
    {
        BusyNs += world.NowNs - _since[thread];
        if (_waiting.First is { } next)
        {
            _waiting.RemoveFirst();
            Give(thread, next.Value);
        }
        else
        {
            _free.Push(thread);
        }
    }

    private void Give(int thread, Action<int> go)
    {
        _since[thread] = world.NowNs;
        go(thread);
    }

    /// <summary>Computes on a thread that the caller has.</summary>
    public void Compute(long ns, Action done)
    {
        _computing++;
        double slower = Math.Max(1, (double)_computing / plan.Cores);
        world.After(StopNs() + (long)(ns * slower), () =>
        {
            _computing--;
            done();
        });
    }

    /// <summary>What is left of a stop of the whole service.</summary>
    private long StopNs()
    {
        if (plan.StopEveryNs <= 0) return 0;
        if (_nextStopNs == 0) _nextStopNs = (long)dice.Exponential(plan.StopEveryNs);
        while (world.NowNs >= _nextStopNs)
        {
            _stoppedUntilNs = _nextStopNs + plan.Stop.Draw(dice);
            _nextStopNs = _stoppedUntilNs + (long)dice.Exponential(plan.StopEveryNs);
        }

        return Math.Max(_stoppedUntilNs - world.NowNs, 0);
    }
}
