namespace VirtualServices.Enforce.Admission;

/// <summary>What a station's counters say: how long a turn takes, who waits, and how many places keep it busy without making others wait.</summary>
internal sealed class AdmissionLoad(AdmissionSettings settings)
{
    private long _periodBegan;
    private long _periodIdleNs;
    private long _periodTurns;
    private long _periodCpuNs;
    private long _periodReplied;
    private long _contendedNs = long.MinValue / 2;
    private long _observedNs;
    private long _relayedNs = long.MinValue / 2;
    private long _periodOpenNs;
    private long _calls;
    private double _average;

    /// <summary>Usual CPU time of a turn, ns.</summary>
    public double TurnNs { get; private set; } = 1_000_000;

    /// <summary>Usual time of a turn from its beginning to its end, ns; 0 where the service asks nobody else.</summary>
    public double OpenNs { get; private set; }

    /// <summary>Connections of governed virtual services that may be read at a time.</summary>
    public int Places { get; private set; } = settings.LeastAdmitted;

    /// <summary>Turns come too fast to be told one by one.</summary>
    public bool Blind { get; private set; }

    /// <summary>How long a virtual service that is not held shall wait at most.</summary>
    public double BoundNs => Math.Max(settings.DelayNs, 2 * TurnNs);

    /// <summary>Takes new counters in.</summary>
    public void Observe(List<AdmissionTenant> tenants, long idleNs, Func<AdmissionTenant, TenantReading> read, long nowNs, bool active)
    {
        double floor = LeastVirtual(tenants, nowNs);
        long passed = _observedNs == 0 ? 0 : nowNs - _observedNs;
        (_observedNs, _calls) = (nowNs, 0);
        foreach (AdmissionTenant tenant in tenants)
        {
            TenantReading now = read(tenant), before = tenant.Last;
            if (now.Turns != before.Turns || tenant.ServedNs == 0) tenant.ServedNs = nowNs;
            bool wasBusy = HasSomething(tenant, nowNs);

            // Bytes that the service does not read for so long, although nobody holds them, are not waiting for their turn.
            tenant.Asks = now.Waiting > 0 && (nowNs - tenant.ServedNs < settings.LingerNs || tenant.Count(AdmissionState.Waiting) > 0);
            bool busy = tenant.Asks || now.Turns != before.Turns || now.CpuNs != before.CpuNs;
            if (busy && !wasBusy && floor < double.MaxValue) tenant.VirtualNs = Math.Max(tenant.VirtualNs, floor);
            if (busy) tenant.ActiveNs = nowNs;
            tenant.VirtualNs += (double)(now.CpuNs - before.CpuNs) / tenant.Weight;
            tenant.PeriodDelayNs += now.DelayNs - before.DelayNs;
            tenant.PeriodServed += now.Turns - before.Turns;
            tenant.PeriodInsideNs += now.Inside * passed;
            tenant.PeriodCpuNs += now.CpuNs - before.CpuNs;
            _periodOpenNs += now.Open * passed;
            _calls += now.Calls;
            _periodTurns += now.Turns - before.Turns;
            _periodReplied += now.Replied - before.Replied;
            _periodCpuNs += now.CpuNs - before.CpuNs;
            tenant.Last = now;
        }

        Level(tenants, nowNs);
        if (_calls > 0) _relayedNs = nowNs;
        if (nowNs - _periodBegan >= settings.AdaptNs) Adapt(tenants, idleNs, nowNs, active);
    }

    /// <summary>True while somebody waits longer than the bound, or did so a short while ago, and somebody else asks for something, too.</summary>
    public bool SomebodyWaits(List<AdmissionTenant> tenants, long nowNs)
    {
        int asking = 0;
        foreach (AdmissionTenant tenant in tenants)
            if (nowNs - tenant.ActiveNs < settings.LingerNs) asking++;
        return asking > 1 && nowNs - _contendedNs < settings.LingerNs;
    }

    /// <summary>Smallest virtual time of those that have something to do; <see cref="double.MaxValue"/> where none has.</summary>
    public double LeastVirtual(List<AdmissionTenant> tenants, long nowNs)
    {
        double least = double.MaxValue;
        foreach (AdmissionTenant tenant in tenants)
            if (HasSomething(tenant, nowNs)) least = Math.Min(least, tenant.VirtualNs);
        return least;
    }

    /// <summary>True where a virtual service got so much less than its share that all that it asks now is owed to it.</summary>
    public bool IsOwed(AdmissionTenant tenant) => (_average - tenant.VirtualNs) * tenant.Weight > Math.Max(settings.AheadNs, tenant.Wanted * TurnNs);

    /// <summary>Somebody is held from now on: as many places as turns fit into the bound, or as the service has under way elsewhere.</summary>
    public void Begin() => Places = Math.Clamp(_calls > 0 ? (int)_calls : (int)(BoundNs / TurnNs), settings.LeastAdmitted, settings.MostAdmitted);

    // Virtual time of all that have something to do, by weight; who is far behind it is brought forward: who asks now and then for hours saves nothing up either.
    private void Level(List<AdmissionTenant> tenants, long nowNs)
    {
        double sum = 0, weights = 0;
        foreach (AdmissionTenant tenant in tenants)
            if (HasSomething(tenant, nowNs)) (sum, weights) = (sum + tenant.VirtualNs * tenant.Weight, weights + tenant.Weight);
        _average = weights > 0 ? sum / weights : 0;
        foreach (AdmissionTenant tenant in tenants)
            if (HasSomething(tenant, nowNs)) tenant.VirtualNs = Math.Max(tenant.VirtualNs, _average - Math.Max(settings.MostBehindNs, 20 * TurnNs) / tenant.Weight);
    }

    private bool HasSomething(AdmissionTenant tenant, long nowNs) => tenant.Asks || nowNs - tenant.ActiveNs < settings.AdaptNs;

    // A service that asks others reads a request at once and keeps it in a queue of its own, for a connection of its pool or a thread. What a turn is inside it and does not compute, it waits.
    private static double DelayOf(AdmissionTenant tenant, bool relays) =>
        tenant.PeriodServed == 0 ? 0 : (double)(tenant.PeriodDelayNs + (relays ? Math.Max(0, tenant.PeriodInsideNs - tenant.PeriodCpuNs) : 0)) / tenant.PeriodServed;

    private void Adapt(List<AdmissionTenant> tenants, long idleNs, long nowNs, bool active)
    {
        double period = nowNs - _periodBegan;
        double idle = (idleNs - _periodIdleNs) / period;
        double rate = _periodTurns * 1e9 / period;
        if (_periodReplied > 0 && _periodCpuNs > 0) TurnNs += ((double)_periodCpuNs / _periodReplied - TurnNs) / 4;
        Blind = rate > (Blind ? settings.MostTurnsPerSecond / 2 : settings.MostTurnsPerSecond);
        bool relays = nowNs - _relayedNs < settings.LingerNs;
        OpenNs = !relays ? 0 : _periodReplied > 0 ? OpenNs + ((double)_periodOpenNs / _periodReplied - OpenNs) / 4 : OpenNs;
        double worstFree = 0;
        long waiting = 0;
        foreach (AdmissionTenant tenant in tenants)
        {
            double delay = DelayOf(tenant, relays);
            waiting += tenant.Count(AdmissionState.Waiting);
            if (!tenant.Governed) worstFree = Math.Max(worstFree, delay);

            // Who is held waits because we make it wait: that is contention as long as it has something held.
            if (delay > BoundNs || (tenant.PeriodServed == 0 && tenant.Asks && !tenant.Governed) || tenant.Count(AdmissionState.Waiting) > 0) _contendedNs = nowNs;
            tenant.PeriodDelayNs = tenant.PeriodServed = tenant.PeriodInsideNs = tenant.PeriodCpuNs = 0;
        }

        if (active)
        {
            // Who waits although the process sleeps does not wait for the turns of others.
            if (waiting > 0 && idle > (worstFree > BoundNs ? 2 : 1) * settings.MostIdle) Places += 1 + (int)(Places * idle / 2);
            else if (worstFree > BoundNs) Places--;
            else if (waiting > 0 && worstFree < BoundNs / 2 && (worstFree > 0 || _periodCpuNs < settings.LittleUse * period)) Places++;
            Places = Math.Clamp(Places, settings.LeastAdmitted, settings.MostAdmitted);
        }

        (_periodBegan, _periodIdleNs, _periodTurns, _periodCpuNs, _periodReplied, _periodOpenNs) = (nowNs, idleNs, 0, 0, 0, 0);
    }
}
