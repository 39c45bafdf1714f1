namespace VirtualServices.Enforce.Admission;

/// <summary>
/// Decides which connections of one process of an event loop may be read. Deterministic: time and counters come in, holds and releases go out.
/// While somebody waits, the connections of a virtual service with more turns than the station has places are held, and each place that becomes free goes for one slice of time to the virtual service
/// that is least ahead of its share. Nobody waits: nobody is held.
/// </summary>
internal sealed class AdmissionStation(AdmissionSettings settings, AdmissionPace pace, IConnectionHolds holds)
{
    private readonly Dictionary<ulong, AdmissionConnection> _connections = [];
    private readonly List<AdmissionTenant> _tenants = [];
    private readonly Dictionary<uint, AdmissionTenant> _byNumber = [];
    private readonly List<AdmissionConnection> _places = [];
    private readonly AdmissionLoad _load = new(settings);

    /// <summary>Virtual services that have been seen here.</summary>
    public IReadOnlyList<AdmissionTenant> Tenants => _tenants;

    /// <summary>Places: connections of governed virtual services that may be read at a time.</summary>
    public int Places => _load.Places;

    /// <summary>True where turns come too fast to be told one by one.</summary>
    public bool Blind => _load.Blind;

    /// <summary>How long a connection keeps a place that others wait for, ns.</summary>
    public long SliceNs => Math.Max(settings.LeastSliceNs * pace.Stretch, (long)(1e9 * Places / settings.MostSwitchesPerSecond * pace.Stretch));

    /// <summary>True while somebody is held.</summary>
    public bool Active { get; private set; }

    /// <summary>True where an arrival could begin at once.</summary>
    public bool HasRoom => Active && _places.Count < Places;

    /// <summary>Makes a virtual service known.</summary>
    public AdmissionTenant Tenant(uint virtualService, int weight)
    {
        if (_byNumber.TryGetValue(virtualService, out AdmissionTenant? known)) return known;
        AdmissionTenant tenant = new(virtualService, Math.Max(1, weight));
        _byNumber[virtualService] = tenant;
        _tenants.Add(tenant);
        return tenant;
    }

    /// <summary>A connection was found, or somebody else asks on it.</summary>
    public void Opened(ulong id, AdmissionTenant tenant, long nowNs)
    {
        if (_connections.TryGetValue(id, out AdmissionConnection? known))
        {
            if (known.Tenant == tenant) return;
            bool held = known.State is not (AdmissionState.Free or AdmissionState.Admitted);
            Forget(known);
            if (held && !tenant.Governed) holds.Release(id);
        }

        AdmissionConnection connection = new(id, tenant) { SinceNs = nowNs, ActiveNs = nowNs };
        _connections[id] = connection;
        tenant.Add(connection);
        if (tenant.Governed) Hold(connection, nowNs);
        Dispatch(nowNs);
    }

    /// <summary>A connection ended.</summary>
    public void Closed(ulong id, long nowNs)
    {
        if (!_connections.TryGetValue(id, out AdmissionConnection? connection)) return;
        Forget(connection);
        Dispatch(nowNs);
    }

    /// <summary>A connection must not be held any more.</summary>
    public void Free(ulong id, long nowNs)
    {
        if (!_connections.TryGetValue(id, out AdmissionConnection? connection) || connection.State == AdmissionState.Free) return;
        _places.Remove(connection);
        if (connection.State != AdmissionState.Admitted) holds.Release(id);
        connection.Tenant.Move(connection, AdmissionState.Free, nowNs);
        Dispatch(nowNs);
    }

    /// <summary>The first byte of a request came on a held connection.</summary>
    public void Arrived(ulong id, long nowNs)
    {
        if (!_connections.TryGetValue(id, out AdmissionConnection? connection)) return;
        if (connection.State == AdmissionState.Leaving && !Blind) connection.HasMore = true;
        bool untold = connection.State == AdmissionState.Parked || (connection.State == AdmissionState.Leaving && Blind); // its answer
        if (connection.State != AdmissionState.Held && !untold) return;
        _places.Remove(connection);
        connection.Tenant.Move(connection, AdmissionState.Waiting, nowNs);
        Dispatch(nowNs);
    }

    /// <summary>What a look at all connections found: takes over what no event told, be it lost or older than we are.</summary>
    public void Found(ulong id, AdmissionTenant tenant, bool held, bool waits, long nowNs)
    {
        Opened(id, tenant, nowNs);
        AdmissionConnection connection = _connections[id];
        bool shown = connection.State is AdmissionState.Free or AdmissionState.Admitted;
        if (held && shown) holds.Release(id);
        else if (held && waits) Arrived(id, nowNs);
        else if (!held && !shown) HoldAgain(connection, nowNs); // the watchdog let it go
    }

    /// <summary>The service read a request.</summary>
    public void Received(ulong id, long nowNs)
    {
        if (!_connections.TryGetValue(id, out AdmissionConnection? connection)) return;
        (connection.InService, connection.ActiveNs) = (true, nowNs);
        if (connection.State is not (AdmissionState.Held or AdmissionState.Waiting)) return;
        connection.Tenant.Move(connection, AdmissionState.Leaving, nowNs);
        _places.Add(connection);
    }

    /// <summary>The service answered.</summary>
    public void Replied(ulong id, long nowNs)
    {
        if (!_connections.TryGetValue(id, out AdmissionConnection? connection)) return;
        (connection.InService, connection.ActiveNs) = (false, nowNs);
        if (connection.State is not (AdmissionState.Leaving or AdmissionState.Parked)) return;
        _places.Remove(connection);
        Hold(connection, nowNs);
        Dispatch(nowNs);
    }

    /// <summary>Looks at the counters: who waits, who is ahead, whose slice is over, are there too many or too few places.</summary>
    /// <param name="idleNs">How long the process had nothing to do, all told: nothing in hand and no request to be seen.</param>
    /// <param name="read">Reads the counters of a virtual service.</param>
    /// <param name="nowNs">Now.</param>
    public void Observe(long idleNs, Func<AdmissionTenant, TenantReading> read, long nowNs)
    {
        ArgumentNullException.ThrowIfNull(read);
        _load.Observe(_tenants, idleNs, read, nowNs, Active);
        if (_load.SomebodyWaits(_tenants, nowNs)) Govern(nowNs);
        else if (Active) LetAllGo(nowNs);
        if (!Active) return;
        Expire(nowNs);
        Dispatch(nowNs);
        foreach (AdmissionTenant tenant in _tenants)
            while (tenant.First() is { } first && nowNs - first.SinceNs > settings.MostHeldNs) LetIn(first, nowNs);
    }

    /// <summary>Releases every connection: the end, or a failure.</summary>
    public void LetAllGo(long nowNs)
    {
        foreach (AdmissionTenant tenant in _tenants) LetGo(tenant, nowNs);
        _places.Clear();
        Active = false;
    }

    private void HoldAgain(AdmissionConnection connection, long nowNs)
    {
        int queued = holds.Hold(connection.Id);
        if (queued < 0) Free(connection.Id, nowNs);
        else if (queued > 0) Arrived(connection.Id, nowNs);
    }

    private void Forget(AdmissionConnection connection)
    {
        _connections.Remove(connection.Id);
        connection.Tenant.Remove(connection);
        _places.Remove(connection);
    }

    private void Govern(long nowNs)
    {
        if (!Active) _load.Begin();
        Active = true;
        double least = _load.LeastVirtual(_tenants, nowNs);
        foreach (AdmissionTenant tenant in _tenants)
        {
            bool owed = _load.IsOwed(tenant);
            if ((tenant.Wanted > Places && !owed) || (tenant.Last.Waiting > 0 && tenant.VirtualNs - least > settings.AheadNs / tenant.Weight)) tenant.ReasonNs = nowNs;
            bool governed = !owed && nowNs - tenant.ReasonNs < settings.LingerNs; // however much that is at once
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
            if (connection.State != AdmissionState.Admitted) holds.Release(connection.Id);
            _places.Remove(connection);
            tenant.Move(connection, AdmissionState.Free, nowNs);
        }
    }

    private void Hold(AdmissionConnection connection, long nowNs)
    {
        bool held = connection.State is AdmissionState.Leaving or AdmissionState.Parked;
        if (!connection.Tenant.Governed)
        {
            if (held) holds.Release(connection.Id);
            connection.Tenant.Move(connection, AdmissionState.Free, nowNs);
            return;
        }

        int queued = holds.Hold(connection.Id);
        connection.Tenant.Move(connection, queued < 0 ? AdmissionState.Free : queued > 0 ? AdmissionState.Waiting : AdmissionState.Held, nowNs);
    }

    private void Dispatch(long nowNs)
    {
        while (HasRoom && Next() is { } next) LetIn(next, nowNs);
    }

    private void LetIn(AdmissionConnection next, long nowNs)
    {
        if (!holds.Release(next.Id))
        {
            next.Tenant.Move(next, AdmissionState.Free, nowNs); // found again, or closed, by the next look at all connections
            return;
        }

        next.Tenant.Move(next, AdmissionState.Admitted, nowNs);
        next.ActiveNs = nowNs;
        _places.Add(next);
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

    // Who has places will be charged for them: without it one virtual service would get all places that become free between two looks.
    private double Ahead(AdmissionTenant tenant) =>
        tenant.VirtualNs + (tenant.Count(AdmissionState.Admitted) + tenant.Count(AdmissionState.Leaving)) * Math.Max(_load.TurnNs, (double)SliceNs / Places) / tenant.Weight;

    // Places whose slice is over go to those that wait; a request in hand keeps the place until its answer. One that is asked for nothing is not kept.
    private void Expire(long nowNs)
    {
        long park = Math.Max(settings.ParkNs, (long)Math.Max(20 * _load.TurnNs, 4 * _load.OpenNs)), rest = Math.Max(settings.RestNs, (long)(2 * _load.TurnNs));
        bool wanted = Next() is not null;
        for (int i = _places.Count - 1; i >= 0; i--)
        {
            AdmissionConnection connection = _places[i];
            bool over = _places.Count > Places || (nowNs - connection.SinceNs >= SliceNs && wanted);
            if (connection.InService && !Blind)
            {
                if (nowNs - connection.ActiveNs > park) Park(connection, i, nowNs);
                else if (connection.State == AdmissionState.Admitted && over) Leave(connection, nowNs);
                else if (connection.State == AdmissionState.Leaving && connection.HasMore && nowNs - connection.SinceNs > rest) ShowRest(connection, nowNs);
            }
            else if (over || (!Blind && wanted && nowNs - connection.ActiveNs > settings.IdlePlaceNs * pace.Stretch))
            {
                _places.RemoveAt(i);
                Hold(connection, nowNs);
            }
        }
    }

    private void Leave(AdmissionConnection connection, long nowNs)
    {
        int queued = holds.Hold(connection.Id);
        if (queued < 0) return;
        connection.Tenant.Move(connection, AdmissionState.Leaving, nowNs);
        connection.HasMore = queued > 0;
    }

    private void Park(AdmissionConnection connection, int place, long nowNs)
    {
        int queued = connection.State == AdmissionState.Admitted ? holds.Hold(connection.Id) : connection.HasMore ? 1 : 0;
        if (queued < 0)
        {
            connection.ActiveNs = nowNs; // it cannot be held: looked at again later
            return;
        }

        _places.RemoveAt(place);
        connection.Tenant.Move(connection, queued > 0 ? AdmissionState.Waiting : AdmissionState.Parked, nowNs);
    }

    // Without the rest of its request the service could not answer.
    private void ShowRest(AdmissionConnection connection, long nowNs)
    {
        holds.Release(connection.Id);
        connection.Tenant.Move(connection, AdmissionState.Admitted, nowNs);
    }
}
