using System.Globalization;

namespace VirtualServices.Training.Simulation;

/// <summary>Plays a scenario.</summary>
internal sealed class Simulator
{
    private const int Tenants = 4;

    /// <summary>Calls that work for nobody, of all services. A service that serves the latest first leaves the earliest waiting as long as such calls come, and a simulation must end.</summary>
    private const int MostBackground = 50_000;

    private readonly Scenario _scenario;
    private readonly ServiceHost[] _hosts;
    private readonly ConnectionPool _clients;
    private readonly Dice _arrivals;
    private int _connections, _left, _background;

    private Simulator(Scenario scenario)
    {
        _scenario = scenario;
        _arrivals = new Dice(scenario.Seed, DicePart.Arrivals);
        Tape = new Tape(scenario.Recording, scenario.Seed);
        _hosts = [.. scenario.Services.Select((plan, number) => new ServiceHost(World, plan, number, scenario.Seed))];
        _clients = new ConnectionPool(int.MaxValue, NewConnection);
    }

    public World World { get; } = new();

    public Tape Tape { get; }

    /// <summary>Plays a scenario to its end.</summary>
    public static Tape Play(Scenario scenario) => Run(scenario).Tape;

    /// <summary>Mean time of a request from outside when it is alone, how many per ns the busiest service could do, and how many calls each makes.</summary>
    public static (double AloneNs, double MostPerNs, double Calls) Probe(Scenario scenario)
    {
        const int Requests = 60;
        Simulator alone = Run(scenario with
        {
            Requests = Requests,
            Load = new LoadPlan(1e12, 1, false),
            Recording = new RecordingPlan(1, false, false, 1, 0, false),
            Services = [.. scenario.Services.Select(s => s with { Background = null })],
        });
        double mean = alone.Tape.Calls.Where(c => c.Caller is null).Average(c => (double)(c.EndNs - c.ReceivedNs));
        double most = alone._hosts.Min(h => h.Plan.Workers / Math.Max(h.Crew.BusyNs / (double)Requests, 1));
        double cores = alone._hosts.Where(h => !h.Holds).Select(h => Math.Min(h.Plan.Cores, h.Plan.Workers) / Math.Max(h.Crew.BusyNs / (double)Requests, 1)).DefaultIfEmpty(most).Min();
        return (Math.Max(mean, 1), Math.Min(most, cores), (double)alone.Tape.Calls.Count / Requests);
    }

    /// <summary>Records an event.</summary>
    public void Emit(ServiceHost host, int worker, string connection, bool server, string call, int trace, string? tenant) =>
        Tape.Add(new TapeEvent(World.NowNs, host.Plan.Name, host.PidOf(worker), host.TidOf(worker), connection, server, call, trace, tenant));

    /// <summary>Records that a thread woke another.</summary>
    public void EmitWake(ServiceHost host, int waker, int woken, int trace) =>
        Tape.Add(new TapeEvent(World.NowNs, host.Plan.Name, host.PidOf(waker), host.TidOf(waker), "", false, "wake", trace, null) { Woken = host.TidOf(woken) });

    /// <summary>Makes a call.</summary>
    /// <param name="from">Who calls.</param>
    /// <param name="worker">By which thread.</param>
    /// <param name="plan">What is called.</param>
    /// <param name="trace">For which request from outside.</param>
    /// <param name="tenant">Whose that is.</param>
    /// <param name="parent">The request that causes the call.</param>
    /// <param name="answered">Called when the answer is there, with what records that a thread received it, and whether it is an error; null where nobody waits.</param>
    public void Call(ServiceHost from, int worker, CallPlan plan, int trace, string tenant, (string, long)? parent, Action<Action<int>, bool>? answered)
    {
        ServiceHost to = _hosts[plan.Service];
        ConnectionPool? pool = to.Plan.Pool > 0 ? to.PoolOf(from.Number, NewConnection) : null;
        if (pool is null) Send(NewConnection());
        else pool.Take(Send);

        void Send(string connection)
        {
            bool fails = answered is not null && to.Dice.Chance(plan.Fails);
            var truth = new TrueCall { Trace = trace, Tenant = tenant, Connection = connection, Service = to.Plan.Name, Caller = from.Plan.Name, SentNs = Tape.Stamp(World.NowNs), Parent = parent };
            Tape.Add(truth);
            Emit(from, worker, connection, server: false, "send", trace, null);
            var job = new Job(this, to, to.Plan.Endpoints[plan.Endpoint], connection, truth, fails, null, () => World.After(to.Plan.Network.Draw(to.Dice), () =>
            {
                if (answered is null) Receive(ServiceHost.Background);
                else answered(Receive, fails);
            }));
            World.After(to.Plan.Network.Draw(to.Dice), job.Arrive);

            void Receive(int thread)
            {
                Emit(from, thread, connection, server: false, "recv", trace, null);
                if (pool is null) Emit(from, thread, connection, server: false, "close", trace, null);
                else pool.GiveBack(connection);
            }
        }
    }

    private static Simulator Run(Scenario scenario)
    {
        var simulator = new Simulator(scenario);
        simulator._left = scenario.Requests;
        simulator.Arrive(0);
        foreach (ServiceHost host in simulator._hosts)
        {
            if (host.Plan.Background is { } background) simulator.Repeat(host, background);
        }

        simulator.World.Run();
        return simulator;
    }

    private void Arrive(int number)
    {
        if (number == _scenario.Requests) return;
        LoadPlan load = _scenario.Load;
        double apart = load.ApartNs * (number / 50 % 2 == 0 ? 2 * load.Burst : 2) / (1 + load.Burst);
        World.After((long)_arrivals.Exponential(apart), () =>
        {
            if (load.KeepAlive) _clients.Take(connection => Enter(number, connection));
            else Enter(number, NewConnection());
            Arrive(number + 1);
        });
    }

    private void Enter(int number, string connection)
    {
        ServiceHost front = _hosts[0];
        string tenant = string.Create(CultureInfo.InvariantCulture, $"t{_arrivals.Whole(0, Tenants - 1)}");
        var truth = new TrueCall { Trace = number, Tenant = tenant, Connection = connection, Service = front.Plan.Name, Caller = null, SentNs = Tape.Stamp(World.NowNs), Parent = null };
        Tape.Add(truth);
        double part = _arrivals.Part() * front.Plan.Endpoints.Sum(e => e.Share);
        EndpointPlan endpoint = front.Plan.Endpoints[^1];
        foreach (EndpointPlan each in front.Plan.Endpoints)
        {
            part -= each.Share;
            if (part >= 0) continue;
            endpoint = each;
            break;
        }

        new Job(this, front, endpoint, connection, truth, fails: false, tenant, () =>
        {
            _left--;
            if (_scenario.Load.KeepAlive) _clients.GiveBack(connection);
        }).Arrive();
    }

    private void Repeat(ServiceHost host, BackgroundPlan plan) => World.After((long)(plan.Regular ? plan.EveryNs : host.Dice.Exponential(plan.EveryNs)), () =>
    {
        if (_left <= 0 || _background == MostBackground) return;
        _background++;
        Call(host, ServiceHost.Background, plan.Call, -1, "", null, null);
        Repeat(host, plan);
    });

    private string NewConnection() => string.Create(CultureInfo.InvariantCulture, $"c{Scrambled(_connections++):x8}");

    /// <summary>Ids say nothing about the order.</summary>
    private static uint Scrambled(int number) => unchecked((uint)number * 2654435761 ^ 0x9e3779b9);
}
