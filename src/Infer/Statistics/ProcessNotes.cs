using VirtualServices.Infer.Turns;
using VirtualServices.Model;

namespace VirtualServices.Infer.Statistics;

/// <summary>What is kept of a process of a recorded service while it runs.</summary>
internal sealed class ProcessNotes
{
    /// <summary>More origins than this in one process are one thing only: many.</summary>
    public const int MostOrigins = 16;

    public string? Listen { get; set; }

    public List<(Origin Origin, int Direct)> Served { get; } = [];

    /// <summary>Requests of each origin in <see cref="Served"/>. Grows with it: nearly all processes have one.</summary>
    public long[] Requests { get; private set; } = [];

    /// <summary>Requests of origins beyond those.</summary>
    public long OtherRequests { get; set; }

    public ulong CpuNs { get; set; }

    /// <summary>Of that: of threads that used no connection, ns.</summary>
    public ulong CpuApartNs { get; set; }

    /// <summary>Index of the origin of the last request, -1 before the first, <see cref="MostOrigins"/> for one of too many.</summary>
    public int Current { get; set; } = -1;

    public ConnectionEnd? LastEnd { get; set; }

    public bool Interleaved { get; set; }

    public List<(int Origin, EvidenceSample Sample)> Changes { get; } = [];

    /// <summary>It is summed up where the other one is.</summary>
    public bool IsAlike(ProcessNotes other) => Listen == other.Listen && Interleaved == other.Interleaved && Served.SequenceEqual(other.Served);

    /// <summary>Index of an origin; added where it is new and there is room.</summary>
    public int IndexOf(Origin origin, int direct)
    {
        for (int i = 0; i < Served.Count; i++)
        {
            if (Served[i] == (origin, direct)) return i;
        }

        if (Served.Count == MostOrigins) return MostOrigins;
        if (Served.Count == Requests.Length) Requests = [.. Requests, .. new long[Math.Max(Requests.Length, 1)]];
        Served.Add((origin, direct));
        return Served.Count - 1;
    }
}
