namespace VirtualServices.Enforce.Admission;

/// <summary>What the status shows and which events are wanted, gathered over all processes of a service and written to the cells. Costs by what is there, not by the size of the rules.</summary>
internal sealed class AdmissionCounts(AdmissionCells cells)
{
    private readonly Counts[] _counts = new Counts[cells.Count + 1];
    private List<int> _now = [], _before = [];

    /// <summary>Adds a process.</summary>
    public void Add(AdmissionPlace place)
    {
        foreach (AdmissionTenant tenant in place.Station.Tenants)
        {
            int index = cells.Find(tenant.VirtualService, place.Service);
            ref Counts counts = ref _counts[index];
            if (index == 0) continue;
            if (!counts.Touched) _now.Add(index);
            int waiting = tenant.Count(AdmissionState.Waiting);
            counts.Touched = true;
            counts.Waiting += waiting;
            counts.Held += tenant.Count(AdmissionState.Held) + waiting;
            counts.Admitted += tenant.Count(AdmissionState.Admitted) + tenant.Count(AdmissionState.Leaving) + tenant.Count(AdmissionState.Parked);
            if (tenant.Governed && !place.Station.Blind) Want(place.AtDoors ? cells.Find(tenant.VirtualService, place.Service | AdmissionCells.AtDoor) : index);
        }
    }

    // The turns that are told are those of the connections that are held.
    private void Want(int index)
    {
        ref Counts counts = ref _counts[index];
        if (!counts.Touched) _now.Add(index);
        (counts.Touched, counts.Wants) = (true, 1);
    }

    /// <summary>Writes, and begins anew.</summary>
    /// <returns>Connections that are held or admitted.</returns>
    public int Publish()
    {
        int all = 0;
        foreach (int index in _before)
            if (!_counts[index].Touched) Write(index, default);
        foreach (int index in _now)
        {
            Counts counts = _counts[index];
            Write(index, counts);
            all += counts.Held + counts.Admitted;
            _counts[index] = default;
        }

        (_before, _now) = (_now, _before);
        _now.Clear();
        return all;
    }

    private void Write(int index, in Counts counts)
    {
        ref Cell cell = ref cells[index];
        (cell.Held, cell.HeldWaiting, cell.Admitted, cell.Wants) = ((uint)counts.Held, (uint)counts.Waiting, (uint)counts.Admitted, counts.Wants);
    }

    private record struct Counts(int Held, int Waiting, int Admitted, uint Wants, bool Touched);
}
