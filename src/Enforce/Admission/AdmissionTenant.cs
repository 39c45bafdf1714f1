namespace VirtualServices.Enforce.Admission;

/// <summary>A virtual service at a station.</summary>
internal sealed class AdmissionTenant(uint virtualService, int weight)
{
    private readonly Queue<(AdmissionConnection Connection, int Ticket)> _waiting = new();
    private readonly int[] _counts = new int[6];

    /// <summary>Number in the kernel.</summary>
    public uint VirtualService { get; } = virtualService;

    /// <summary>CPU weight.</summary>
    public int Weight { get; } = weight;

    /// <summary>Its connections are held unless admitted.</summary>
    public bool Governed { get; set; }

    /// <summary>CPU time at the service divided by the weight, brought forward when it comes back from idling: who is idle saves nothing up.</summary>
    public double VirtualNs { get; set; }

    /// <summary>When it last had something to do.</summary>
    public long ActiveNs { get; set; } = long.MinValue / 2;

    /// <summary>When a turn of it was last begun; 0: not seen yet.</summary>
    public long ServedNs { get; set; }

    /// <summary>Requests of it wait to be read.</summary>
    public bool Asks { get; set; }

    /// <summary>When it last had reason to be governed.</summary>
    public long ReasonNs { get; set; } = long.MinValue / 2;

    /// <summary>Counters at the last look.</summary>
    public TenantReading Last { get; set; }

    /// <summary>What changed between the last two looks, summed up over one period of adaptation.</summary>
    public long PeriodDelayNs { get; set; }

    /// <summary>Turns begun in this period of adaptation.</summary>
    public long PeriodServed { get; set; }

    /// <summary>Time of its turns inside the service in this period, summed up over all.</summary>
    public long PeriodInsideNs { get; set; }

    /// <summary>CPU time in this period.</summary>
    public long PeriodCpuNs { get; set; }

    /// <summary>Turns that are open or wait to be read.</summary>
    public long Wanted => Last.Waiting + Last.Open;

    /// <summary>All its connections.</summary>
    public HashSet<AdmissionConnection> Connections { get; } = [];

    /// <summary>Connections in a state.</summary>
    public int Count(AdmissionState state) => _counts[(int)state];

    /// <summary>Adds a connection that is free.</summary>
    public void Add(AdmissionConnection connection)
    {
        if (Connections.Add(connection)) _counts[(int)connection.State]++;
    }

    /// <summary>Forgets a connection.</summary>
    public void Remove(AdmissionConnection connection)
    {
        if (!Connections.Remove(connection)) return;
        _counts[(int)connection.State]--;
        connection.Ticket++;
    }

    /// <summary>Changes the state of a connection; one that waits gets in line.</summary>
    public void Move(AdmissionConnection connection, AdmissionState state, long nowNs)
    {
        _counts[(int)connection.State]--;
        _counts[(int)state]++;
        connection.State = state;
        connection.SinceNs = nowNs;
        connection.HasMore = false;
        connection.Ticket++;
        if (state == AdmissionState.Waiting) _waiting.Enqueue((connection, connection.Ticket));
    }

    /// <summary>The connection that waits longest; null where none does.</summary>
    public AdmissionConnection? First()
    {
        while (_waiting.TryPeek(out (AdmissionConnection Connection, int Ticket) first))
        {
            if (first.Connection.Ticket == first.Ticket) return first.Connection;
            _waiting.Dequeue();
        }

        return null;
    }
}
