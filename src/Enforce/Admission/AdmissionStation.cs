namespace VirtualServices.Enforce.Admission;

/// <summary>
/// Decides which turns may begin at one process of an event loop. Deterministic: time and counters come in, holds and releases go out.
/// While somebody waits, a virtual service with more turns than the station has places is held, and each place that becomes free goes to the one
/// that is least ahead of its share. Nobody waits: nobody is held.
/// </summary>
internal sealed class AdmissionStation(AdmissionSettings settings, IConnectionHolds holds)
{
    private readonly Dictionary<ulong, AdmissionConnection> _connections = [];
    private readonly List<AdmissionTenant> _tenants = [];
    private readonly Dictionary<uint, AdmissionTenant> _byNumber = [];
    private readonly List<AdmissionConnection> _places = [];
    private readonly AdmissionLoad _load = new(settings);

    /// <summary>Virtual services that have been seen here.</summary>
    public IReadOnlyList<AdmissionTenant> Tenants => _tenants;

    /// <summary>Places: turns of governed virtual services that may be in flight at a time.</summary>
    public int Places => _load.Places;

    /// <summary>True where connections are admitted for slices of time.</summary>
    public bool InSlices => _load.InSlices;

    /// <summary>Length of a slice.</summary>
    public long SliceNs => Math.Max(settings.LeastSliceNs, (long)(2e9 * Places / settings.MostSwitchesPerSecond));

    /// <summary>True while somebody is held.</summary>
    public bool Active { get; private set; }

    /// <summary>True where an arrival could begin at once.</summary>
    public bool HasRoom => Active && _places.Count < Places;

    /// <summary>Turns that began although their connection was held: a full buffer, a read without waiting, the client's end of file.</summary>
    public long Leaks { get; private set; }

    /// <summary>Makes a virtual service known.</summary>
    public AdmissionTenant Tenant(uint virtualService, int weight)
    {
        if (_byNumber.TryGetValue(virtualService, out AdmissionTenant? known)) return known;
        AdmissionTenant tenant = new(virtualService, Math.Max(1, weight));
        _byNumber[virtualService] = tenant;
        _tenants.Add(tenant);
        return tenant;
    }

    /// <summary>A connection was found.</summary>
    public void Opened(ulong id, AdmissionTenant tenant, long nowNs)
    {
        if (_connections.TryGetValue(id, out AdmissionConnection? known))
        {
            if (known.Tenant == tenant) return;
            Closed(id, nowNs);
        }

        AdmissionConnection connection = new(id, tenant) { SinceNs = nowNs };
        _connections[id] = connection;
        tenant.Add(connection);
        if (!tenant.Governed) return;
        Hold(connection, nowNs);
        Dispatch(nowNs);
    }

    /// <summary>A connection ended.</summary>
    public void Closed(ulong id, long nowNs)
    {
        if (!_connections.Remove(id, out AdmissionConnection? connection)) return;
        connection.Tenant.Remove(connection);
        _places.Remove(connection);
        Dispatch(nowNs);
    }

    /// <summary>The first byte of a request came on a held connection.</summary>
    public void Arrived(ulong id, long nowNs)
    {
        if (!_connections.TryGetValue(id, out AdmissionConnection? connection) || connection.State != AdmissionState.Held) return;
        connection.Tenant.Move(connection, AdmissionState.Waiting, nowNs);
        Dispatch(nowNs);
    }

    /// <summary>The service read a request.</summary>
    public void Received(ulong id, long nowNs)
    {
        if (!_connections.TryGetValue(id, out AdmissionConnection? connection)) return;
        if (connection.State is AdmissionState.Held or AdmissionState.Waiting)
        {
            Leaks++;
            connection.Tenant.Move(connection, AdmissionState.Admitted, nowNs);
            _places.Add(connection);
        }

        if (connection.State != AdmissionState.Admitted || connection.InService) return;
        connection.InService = true;
        Dispatch(nowNs);
    }

    /// <summary>The service answered.</summary>
    public void Replied(ulong id, long nowNs)
    {
        if (!_connections.TryGetValue(id, out AdmissionConnection? connection) || connection.State is not (AdmissionState.Admitted or AdmissionState.Parked)) return;
        if (InSlices) return;
        if (_places.Remove(connection)) connection.Tenant.Unseen++;

        // The next one first: the service may be idle.
        Dispatch(nowNs);
        Hold(connection, nowNs);
        Dispatch(nowNs);
    }

    /// <summary>Looks at the counters: who waits, who is ahead, are there too many or too few places.</summary>
    public void Observe(StationReading station, Func<AdmissionTenant, TenantReading> read, long nowNs)
    {
        ArgumentNullException.ThrowIfNull(read);
        _load.Observe(_tenants, station, read, nowNs, Active);
        if (_load.SomebodyWaits(_tenants, nowNs)) Govern(nowNs);
        else if (Active) LetAllGo(nowNs);
        if (!Active) return;
        Expire(station, nowNs);
        Dispatch(nowNs);
    }

    /// <summary>Releases every connection: the end, or a failure.</summary>
    public void LetAllGo(long nowNs)
    {
        foreach (AdmissionTenant tenant in _tenants) LetGo(tenant, nowNs);
        _places.Clear();
        Active = false;
    }

    private void Govern(long nowNs)
    {
        Active = true;
        double least = _load.LeastVirtual(_tenants, nowNs);
        foreach (AdmissionTenant tenant in _tenants)
        {
            if (tenant.Last.Pending > Places || (tenant.Last.Pending > 0 && tenant.VirtualNs - least > settings.AheadNs / tenant.Weight)) tenant.ReasonNs = nowNs;
            bool governed = nowNs - tenant.ReasonNs < settings.LingerNs;
            if (governed == tenant.Governed)
            {
                if (governed) HoldFree(tenant, nowNs);
                continue;
            }

            tenant.Governed = governed;
            if (governed) HoldFree(tenant, nowNs);
            else LetGo(tenant, nowNs);
        }
    }

    private void HoldFree(AdmissionTenant tenant, long nowNs)
    {
        if (tenant.Count(AdmissionState.Free) == 0) return;
        foreach (AdmissionConnection connection in tenant.Connections)
            if (connection.State == AdmissionState.Free) Hold(connection, nowNs);
    }

    private void LetGo(AdmissionTenant tenant, long nowNs)
    {
        tenant.Governed = false;
        foreach (AdmissionConnection connection in tenant.Connections)
        {
            if (connection.State == AdmissionState.Free) continue;
            if (connection.State is AdmissionState.Held or AdmissionState.Waiting) holds.Release(connection.Id);
            _places.Remove(connection);
            tenant.Move(connection, AdmissionState.Free, nowNs);
        }
    }

    private void Hold(AdmissionConnection connection, long nowNs)
    {
        if (!connection.Tenant.Governed)
        {
            connection.Tenant.Move(connection, AdmissionState.Free, nowNs);
            return;
        }

        int queued = holds.Hold(connection.Id);
        connection.Tenant.Move(connection, queued < 0 ? AdmissionState.Free : queued > 0 ? AdmissionState.Waiting : AdmissionState.Held, nowNs);
    }

    private void Dispatch(long nowNs)
    {
        while (HasRoom && Next() is { } next)
        {
            if (!holds.Release(next.Id))
            {
                next.Tenant.Move(next, AdmissionState.Free, nowNs); // found again, or closed, by the next look at all connections
                continue;
            }

            next.Tenant.Move(next, AdmissionState.Admitted, nowNs);
            _places.Add(next);
        }
    }

    private AdmissionConnection? Next()
    {
        AdmissionConnection? best = null;
        double least = double.MaxValue;
        foreach (AdmissionTenant tenant in _tenants)
        {
            if (!tenant.Governed || tenant.Count(AdmissionState.Waiting) == 0) continue;
            double at = Ahead(tenant);
            if (at < least && tenant.First() is { } first) (best, least) = (first, at);
        }

        return best;
    }

    // What is in flight will be charged: without it one virtual service would get all places that become free between two looks.
    private double Ahead(AdmissionTenant tenant) =>
        tenant.VirtualNs + (tenant.Unseen + tenant.Count(AdmissionState.Admitted)) * _load.TurnNs / tenant.Weight;

    private void Expire(StationReading station, long nowNs)
    {
        long park = Math.Max(settings.ParkNs, (long)(20 * _load.TurnNs));
        for (int i = _places.Count - 1; i >= 0; i--)
        {
            AdmissionConnection connection = _places[i];
            long age = nowNs - connection.SinceNs;
            if (InSlices)
            {
                if (age < SliceNs || (_places.Count <= Places && Next() is null)) continue;
                _places.RemoveAt(i);
                Hold(connection, nowNs);
            }
            else if (connection.InService && age > park)
            {
                _places.RemoveAt(i);
                connection.Tenant.Move(connection, AdmissionState.Parked, nowNs);
            }
            else if (!connection.InService && age > settings.ParkNs && station.InService == 0)
            {
                // Released, and an idle service does not read it: what waited is gone.
                _places.RemoveAt(i);
                Hold(connection, nowNs);
            }
        }
    }
}
