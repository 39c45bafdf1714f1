using VirtualServices.Model;

namespace VirtualServices.Infer.Replays;

/// <summary>Sums of one service; the last slot is for none.</summary>
internal sealed class ServiceCharge(Service service, int virtualServices)
{
    private readonly ulong[] _cpu = new ulong[virtualServices + 1];
    private readonly long[] _requests = new long[virtualServices + 1];
    private readonly long[] _bytesIn = new long[virtualServices + 1];
    private readonly long[] _bytesOut = new long[virtualServices + 1];

    public Service Service { get; } = service;

    /// <summary>Whether a process of the session belongs to it.</summary>
    public bool Occurs { get; set; }

    public long KnownRequests { get; set; }

    public long WrongRequests { get; set; }

    public ulong KnownCpuNs { get; set; }

    public ulong WrongCpuNs { get; set; }

    public void AddCpu(int tag, ulong ns) => _cpu[Slot(tag)] += ns;

    public void AddRequest(int tag) => _requests[Slot(tag)]++;

    public void AddBytes(int tag, int received, int sent)
    {
        _bytesIn[Slot(tag)] += received;
        _bytesOut[Slot(tag)] += sent;
    }

    public ReplayService ToResult(IReadOnlyList<VirtualService> virtualServices)
    {
        var parts = new List<ReplayPart>();
        for (int i = 0; i < _cpu.Length; i++)
        {
            bool none = i == _cpu.Length - 1;
            if (none || _cpu[i] != 0 || _requests[i] != 0 || _bytesIn[i] != 0 || _bytesOut[i] != 0)
                parts.Add(new ReplayPart(none ? null : virtualServices[i].Name, _cpu[i], _requests[i], _bytesIn[i], _bytesOut[i]));
        }

        return new ReplayService(
            Service.Name,
            Occurs,
            [.. parts.OrderBy(p => p.VirtualService is null).ThenBy(p => p.VirtualService, StringComparer.Ordinal)],
            new ReplayTruth(KnownRequests, KnownCpuNs),
            new ReplayTruth(WrongRequests, WrongCpuNs));
    }

    private int Slot(int tag) => tag < 0 ? _cpu.Length - 1 : tag;
}
