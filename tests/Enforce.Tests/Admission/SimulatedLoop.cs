using VirtualServices.Enforce.Admission;

namespace VirtualServices.Enforce.Tests.Admission;

/// <summary>
/// An event loop with a simulated clock: it takes the ready connections in the order in which they became ready, one turn at a time, and each client
/// asks again after its pause. Holds hide a connection that has not been read yet, as SO_RCVLOWAT does.
/// </summary>
internal sealed class SimulatedLoop : IConnectionHolds
{
    private readonly List<Client> _clients = [];
    private readonly Queue<Client> _ready = new();
    private Client? _inHand;
    private long _until;
    private long _idleNs;

    internal SimulatedLoop(AdmissionSettings? settings = null) => Station = new AdmissionStation(settings ?? new AdmissionSettings(), new AdmissionPace(), this);

    internal AdmissionStation Station { get; }

    internal bool Governs { get; init; } = true;

    internal long Now { get; private set; }

    internal int Held => _clients.Count(client => client.Held);

    internal Dictionary<uint, long> CpuNs { get; } = [];

    internal Dictionary<uint, List<long>> DelaysNs { get; } = [];

    private readonly Dictionary<uint, (long Served, long Replied, long Delay)> _counts = [];

    internal void Add(uint virtualService, int weight, int connections, long turnNs, long pauseNs)
    {
        CpuNs.TryAdd(virtualService, 0);
        DelaysNs.TryAdd(virtualService, []);
        _counts.TryAdd(virtualService, default);
        for (int i = 0; i < connections; i++)
        {
            Client client = new((ulong)_clients.Count + 1, virtualService, turnNs, pauseNs) { NextNs = Now + i };
            _clients.Add(client);
            Station.Opened(client.Id, Station.Tenant(virtualService, weight), Now);
        }
    }

    internal void StopAsking(uint virtualService)
    {
        foreach (Client client in _clients.Where(client => client.VirtualService == virtualService)) client.NextNs = long.MaxValue;
    }

    internal void Run(long forNs)
    {
        const long StepNs = 10_000, LookNs = 1_000_000;
        long end = Now + forNs;
        for (; Now < end; Now += StepNs)
        {
            foreach (Client client in _clients)
                if (!client.Pending && client.NextNs <= Now) Arrive(client);
            Serve(StepNs);
            if (Governs && Now % LookNs == 0) Station.Observe(_idleNs, Read, Now);
        }
    }

    public int Hold(ulong connection)
    {
        Client client = _clients[(int)connection - 1];
        client.Held = true;
        return client.Pending && client != _inHand ? 1 : 0;
    }

    public bool Release(ulong connection)
    {
        Client client = _clients[(int)connection - 1];
        client.Held = false;
        if (client.Pending && client != _inHand && !_ready.Contains(client)) _ready.Enqueue(client);
        return true;
    }

    private void Arrive(Client client)
    {
        (client.Pending, client.ArrivedNs) = (true, Now);
        if (client.Held) Station.Arrived(client.Id, Now);
        else _ready.Enqueue(client);
    }

    private void Serve(long stepNs)
    {
        if (_inHand is { } done && Now >= _until)
        {
            _inHand = null;
            CpuNs[done.VirtualService] += done.TurnNs;
            (long served, long replied, long delay) = _counts[done.VirtualService];
            _counts[done.VirtualService] = (served, replied + 1, delay);
            (done.Pending, done.NextNs) = (false, done.NextNs == long.MaxValue ? long.MaxValue : Now + done.PauseNs);
            if (Governs) Station.Replied(done.Id, Now);
        }

        while (_inHand is null && _ready.TryDequeue(out Client? next))
        {
            if (next.Held || !next.Pending) continue; // epoll asks again before it tells of a connection
            _inHand = next;
            _until = Now + next.TurnNs;
            DelaysNs[next.VirtualService].Add(Now - next.ArrivedNs);
            (long served, long replied, long delay) = _counts[next.VirtualService];
            _counts[next.VirtualService] = (served + 1, replied, delay + Now - next.ArrivedNs);
            if (Governs) Station.Received(next.Id, Now);
        }

        if (_inHand is null) _idleNs += stepNs;
    }

    private TenantReading Read(AdmissionTenant tenant)
    {
        (long served, long replied, long delay) = _counts[tenant.VirtualService];
        return new TenantReading(served, _clients.Count(client => client.VirtualService == tenant.VirtualService && client.Pending && client != _inHand), replied, delay, CpuNs[tenant.VirtualService]);
    }

    private sealed class Client(ulong id, uint virtualService, long turnNs, long pauseNs)
    {
        public ulong Id => id;

        public uint VirtualService => virtualService;

        public long TurnNs => turnNs;

        public long PauseNs => pauseNs;

        public long NextNs { get; set; }

        public long ArrivedNs { get; set; }

        public bool Pending { get; set; }

        public bool Held { get; set; }
    }
}
