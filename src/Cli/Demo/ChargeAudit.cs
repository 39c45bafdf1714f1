using System.Globalization;
using System.Text.Json;
using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>
/// Checks whom PostgreSQL's CPU time was charged to. Truth about who a backend works for comes from PostgreSQL (the role of its connection), truth about CPU time from /proc;
/// only what was charged to whom comes from <c>vs status</c>.
/// </summary>
internal sealed class ChargeAudit
{
    private readonly Dictionary<int, string> _tenantOf = [];
    private readonly Dictionary<int, long> _usedBefore = [];
    private readonly Dictionary<int, string> _unexplained = [];
    private long _used;
    private long _chargedRight;

    /// <summary>Part of the tenants' CPU time that was charged to the right virtual service, 0..1; NaN before any.</summary>
    public double ChargedRight => _used == 0 ? double.NaN : (double)_chargedRight / _used;

    /// <summary>Backends whose charge is off by more than 3 %, with the figures.</summary>
    public IEnumerable<string> Unexplained => _unexplained.Values;

    /// <summary>Asks PostgreSQL who its backends work for.</summary>
    /// <returns>Number of connections per tenant.</returns>
    public async Task<IReadOnlyDictionary<string, int>> SampleAsync(SqlSession sql, CancellationToken cancel)
    {
        Dictionary<string, int> connections = [];
        foreach (string row in await sql.QueryAsync(
            "SELECT pid, usename FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()", cancel))
        {
            string[] columns = row.Split('|', 2);
            if (columns.Length < 2 || columns[1].Length == 0) continue; // still in its start-up: the next sample has it
            _tenantOf[int.Parse(columns[0], CultureInfo.InvariantCulture)] = columns[1];
            connections[columns[1]] = connections.GetValueOrDefault(columns[1]) + 1;
        }

        return connections;
    }

    /// <summary>Begins a slice. CPU time that known backends used before counts for nobody. Call it while they are idle and nothing is enforced yet.</summary>
    public void Begin()
    {
        _usedBefore.Clear();
        foreach (int pid in _tenantOf.Keys.ToArray())
        {
            if (Procfs.CpuNs(pid) is { } used) _usedBefore[pid] = used;
            else _tenantOf.Remove(pid);
        }
    }

    /// <summary>Ends a slice. Call it while all backends are alive and idle.</summary>
    /// <param name="status">Output of <c>vs status --json</c>.</param>
    /// <exception cref="VsException">The document has no list of processes.</exception>
    public void End(string status)
    {
        Dictionary<(int Pid, string Vs), long> charged = ReadCharges(status);
        foreach ((int pid, string tenant) in _tenantOf)
        {
            if (Procfs.CpuNs(pid) is not { } now) continue;
            long used = now - _usedBefore.GetValueOrDefault(pid);
            // More than was used cannot be right: it must not make up for what another backend lacks.
            long right = Math.Min(charged.GetValueOrDefault((pid, tenant)), used);
            _used += used;
            _chargedRight += right;
            if (right < used * 0.97)
                _unexplained[pid] = string.Create(CultureInfo.InvariantCulture, $"backend {pid} of {tenant}: {right / 1e6:F1} of {used / 1e6:F1} ms charged right");
        }

        _tenantOf.Clear();
    }

    private static Dictionary<(int Pid, string Vs), long> ReadCharges(string status)
    {
        using JsonDocument document = JsonDocument.Parse(status);
        if (!document.RootElement.TryGetProperty("processes", out JsonElement processes))
            throw new VsException(ExitCode.Bug, "demo: 'vs status --json' has no list 'processes'");
        Dictionary<(int Pid, string Vs), long> charges = [];
        foreach (JsonElement one in processes.EnumerateArray())
        {
            (int Pid, string Vs) key = (one.GetProperty("pid").GetInt32(), one.GetProperty("vs").GetString() ?? "");
            charges[key] = charges.GetValueOrDefault(key) + one.GetProperty("cpu_ns").GetInt64();
        }

        return charges;
    }
}
