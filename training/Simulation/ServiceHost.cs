namespace VirtualServices.Training.Simulation;

/// <summary>A service that runs.</summary>
internal sealed class ServiceHost
{
    /// <summary>Number of the thread that only receives, and of the one that works for nobody.</summary>
    public const int Receiver = 500, Background = 600;

    private readonly Dictionary<int, ConnectionPool> _pools = [];

    public ServiceHost(World world, ServicePlan plan, int number, int seed)
    {
        Plan = plan;
        Number = number;
        Dice = new Dice(seed, DicePart.Service, number);
        Crew = new Crew(world, Dice, plan);
    }

    public ServicePlan Plan { get; }

    public int Number { get; }

    public Dice Dice { get; }

    public Crew Crew { get; }

    /// <summary>A thread waits for the answers to its request's calls.</summary>
    public bool Holds => Plan.Style is WorkStyle.Threads or WorkStyle.HandOff or WorkStyle.Processes;

    /// <summary>A thread that only receives does so at once.</summary>
    public bool ReceivesEarly => Plan.Style == WorkStyle.HandOff || (Plan.ReceivesEarly && Plan.Style == WorkStyle.AsyncPool);

    public int PidOf(int worker) => 100 * (Number + 1) + (Plan.Style == WorkStyle.Processes && worker < Receiver ? worker : 0);

    /// <summary>Thread id of a worker.</summary>
    public int TidOf(int worker) => Plan.Style == WorkStyle.Processes ? PidOf(worker) : 1000 * (Number + 1) + worker;

    /// <summary>Connections of a caller to this service.</summary>
    public ConnectionPool PoolOf(int caller, Func<string> make)
    {
        if (!_pools.TryGetValue(caller, out ConnectionPool? pool)) _pools.Add(caller, pool = new ConnectionPool(Plan.Pool, make));
        return pool;
    }
}

/// <summary>Connections of one caller to one service.</summary>
internal sealed class ConnectionPool(int most, Func<string> make)
{
    private readonly Stack<string> _idle = new();
    private readonly Queue<Action<string>> _waiting = new();
    private int _made;

    /// <summary>Calls <paramref name="go"/> with a connection, which has to be given back.</summary>
    public void Take(Action<string> go)
    {
        if (_idle.Count > 0)
        {
            go(_idle.Pop());
        }
        else if (_made < most)
        {
            _made++;
            go(make());
        }
        else
        {
            _waiting.Enqueue(go);
        }
    }

    public void GiveBack(string connection)
    {
        if (_waiting.TryDequeue(out Action<string>? next)) next(connection);
        else _idle.Push(connection);
    }
}
