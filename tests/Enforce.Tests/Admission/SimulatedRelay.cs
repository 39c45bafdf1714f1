using VirtualServices.Enforce.Admission;

namespace VirtualServices.Enforce.Tests.Admission;

/// <summary>A relay with a simulated clock: it reads each request at once, and asks somebody else over one of a few connections; what finds none free waits inside it, first come, first served. Who is asked has two processors for all.</summary>
internal sealed class SimulatedRelay : IConnectionHolds
{
    private const double Processors = 2;
    private const long StepNs = 50_000, LookNs = 1_000_000, WorkNs = 3_500_000, RelayNs = 30_000;
    private readonly List<Client> _clients = [];
    private readonly Queue<Client> _inside = new();
    private readonly List<Client> _asked = [];
    private readonly int _connections;

    internal SimulatedRelay(int connections)
    {
        _connections = connections;
        Station = new AdmissionStation(new AdmissionSettings(), new AdmissionPace(), this);
    }

    internal AdmissionStation Station { get; }

    internal long Now { get; private set; }

    internal bool Governs { get; init; } = true;

    internal Dictionary<uint, List<long>> WaitsNs { get; } = [];

    internal long Answered => _clients.Sum(client => client.Replied);

    internal void Add(uint virtualService, int connections, long pauseNs)
    {
        WaitsNs.TryAdd(virtualService, []);
        for (int i = 0; i < connections; i++)
        {
            Client client = new((ulong)_clients.Count + 1, virtualService, pauseNs) { NextNs = Now + i * 100_000 };
            _clients.Add(client);
            Station.Opened(client.Id, Station.Tenant(virtualService, 100), Now);
        }
    }

    internal void Run(long forNs)
    {
        for (long end = Now + forNs; Now < end; Now += StepNs)
        {
            foreach (Client client in _clients.Where(client => client.NextNs <= Now)) Arrive(client);
            while (_asked.Count < _connections && _inside.TryDequeue(out Client? next))
            {
                WaitsNs[next.VirtualService].Add(Now - next.ReadNs);
                (next.LeftNs, next.Asks) = (WorkNs, true);
                _asked.Add(next);
            }

            double each = StepNs * Math.Min(1, Processors / Math.Max(1, _asked.Count));
            foreach (Client client in _asked) client.LeftNs -= each;
            foreach (Client done in _asked.Where(client => client.LeftNs <= 0).ToList()) Answer(done);
            if (Governs && Now % LookNs == 0) Station.Observe(0, Read, Now);
        }
    }

    public int Hold(ulong connection)
    {
        Client client = _clients[(int)connection - 1];
        client.Held = true;
        return client.Unread ? 1 : 0;
    }

    public bool Release(ulong connection)
    {
        Client client = _clients[(int)connection - 1];
        client.Held = false;
        if (client.Unread) Take(client);
        return true;
    }

    private void Arrive(Client client)
    {
        (client.NextNs, client.Unread) = (long.MaxValue, true);
        if (client.Held) Station.Arrived(client.Id, Now);
        else Take(client);
    }

    private void Take(Client client)
    {
        (client.Unread, client.ReadNs, client.Turns) = (false, Now, client.Turns + 1);
        _inside.Enqueue(client);
        if (Governs) Station.Received(client.Id, Now);
    }

    private void Answer(Client client)
    {
        _asked.Remove(client);
        (client.Asks, client.Replied, client.NextNs) = (false, client.Replied + 1, Now + client.PauseNs);
        if (Governs) Station.Replied(client.Id, Now);
    }

    private TenantReading Read(AdmissionTenant tenant)
    {
        Client[] own = [.. _clients.Where(client => client.VirtualService == tenant.VirtualService)];
        long turns = own.Sum(client => client.Turns), replied = own.Sum(client => client.Replied);
        return new TenantReading(turns, own.Count(client => client.Unread), replied, 0, replied * RelayNs, turns - replied, own.Count(client => client.Asks));
    }

    private sealed class Client(ulong id, uint virtualService, long pauseNs)
    {
        public ulong Id => id;

        public uint VirtualService => virtualService;

        public long PauseNs => pauseNs;

        public long NextNs { get; set; }

        public long ReadNs { get; set; }

        public double LeftNs { get; set; }

        public long Turns { get; set; }

        public long Replied { get; set; }

        public bool Unread { get; set; }

        public bool Held { get; set; }

        public bool Asks { get; set; }
    }
}
