using System.Runtime.CompilerServices;
using System.Text;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Moving;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce;

/// <summary>What the enforcer tells of itself in pinned maps, so that another process can read it, also after the enforcer's death.</summary>
internal static class Agent
{
    /// <summary>First word of the record; another one means another layout of this or of some other pinned map.</summary>
    public const ulong Magic = 0x3176_7334;

    /// <summary>Writes the record and the latencies.</summary>
    public static void Write(GateKernel kernel, AgentRecord record, Mover mover)
    {
        record.HeartbeatUnixMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        record.Moved = (ulong)mover.Moved;
        record.Gone = (ulong)mover.Gone;
        record.Failed = (ulong)mover.Failed;
        record.Reconciled = (ulong)mover.Reconciled;
        record.LastError = default;
        Span<byte> error = record.LastError;
        Encoding.UTF8.TryGetBytes(mover.LastError.AsSpan(0, Math.Min(mover.LastError.Length, 100)), error[..143], out _);
        kernel["agent"].Update(0u, record);
        Bytes4096 counts = default;
        mover.Latency.CopyTo(counts);
        kernel["latencies"].Update(0u, counts);
    }

    /// <summary>Words of the last move that the kernel refused, empty where there was none.</summary>
    public static string LastErrorOf(in AgentRecord agent)
    {
        ReadOnlySpan<byte> error = agent.LastError;
        int end = error.IndexOf((byte)0);
        return Encoding.UTF8.GetString(error[..Math.Max(0, end)]);
    }

    /// <summary>True where the maps are those of a <c>vs</c> that lays them out in another way.</summary>
    public static bool IsForeign(BpfMap agent) => agent.ValueSize != Unsafe.SizeOf<AgentRecord>() || (agent.TryLookup(0u, out AgentRecord record) && record.Magic != Magic && record.Magic != 0);

    /// <summary>Reads the record.</summary>
    /// <returns>False where none was written yet.</returns>
    public static bool TryRead(BpfMap agent, out AgentRecord record) => agent.TryLookup(0u, out record) && record.Magic == Magic;
}
