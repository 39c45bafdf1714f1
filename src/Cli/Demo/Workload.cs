
namespace VirtualServices.Cli.Demo;

/// <summary>The query that both tenants ask, sized so that it costs about the wanted CPU time on this machine.</summary>
/// <param name="Script">pgbench script file.</param>
/// <param name="Rows">Rows that one query reads.</param>
internal sealed record Workload(string Script, int Rows)
{
    /// <summary>CPU time of one query. Enough that a queue of them hurts, small enough that the victim's rate stays well below its half of two CPUs.</summary>
    public static readonly TimeSpan WantedTime = TimeSpan.FromMilliseconds(3.5);

    private const int TableRows = 200_000;
    private const int FirstRows = 5_000;
    private const int FewestRows = 500;
    private const int Probes = 60;

    /// <summary>Makes the table and sizes the query: the median of queries asked alone.</summary>
    public static async Task<Workload> PrepareAsync(PostgresServer server, IReadOnlyList<string> roles, CancellationToken cancel)
    {
        await using SqlSession sql = server.OpenSession();
        await sql.QueryAsync("CREATE TABLE work (id int PRIMARY KEY, payload text NOT NULL)", cancel);
        await sql.QueryAsync($"INSERT INTO work SELECT i, md5(i::text) FROM generate_series(1, {TableRows}) i", cancel);
        await sql.QueryAsync("VACUUM (FREEZE, ANALYZE) work", cancel);
        foreach (string role in roles) await sql.QueryAsync($"GRANT SELECT ON work TO \"{role}\"", cancel);
        string script = Path.Combine(server.Folder, "query.sql");
        await File.WriteAllTextAsync(
            script,
            $"\\set start random(1, {TableRows} - :rows)\nSELECT count(*), sum(hashtext(payload)::bigint) FROM work WHERE id BETWEEN :start AND :start + :rows;\n",
            cancel);
        server.Account.Chown(script);
        return await new Workload(script, FirstRows).ResizeAsync(sql, cancel);
    }

    /// <summary>Sizes the query anew: the speed of a shared machine drifts by half within minutes.</summary>
    public async Task<Workload> ResizeAsync(SqlSession sql, CancellationToken cancel)
    {
        int rows = Rows;
        for (int round = 0; round < 2; round++)
        {
            double milliseconds = await MedianMillisecondsAsync(sql, rows, cancel);
            rows = (int)Math.Clamp(rows * WantedTime.TotalMilliseconds / milliseconds, FewestRows, TableRows / 2);
        }

        return this with { Rows = rows };
    }

    private static async Task<double> MedianMillisecondsAsync(SqlSession sql, int rows, CancellationToken cancel)
    {
        List<double> times = [];
        string query = $"SELECT count(*), sum(hashtext(payload)::bigint) FROM work WHERE id BETWEEN 1000 AND {1000 + rows}";
        for (int i = 0; i < Probes; i++)
        {
            long start = System.Diagnostics.Stopwatch.GetTimestamp();
            await sql.QueryAsync(query, cancel);
            times.Add(System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        times.Sort();
        return times[times.Count / 2];
    }
}
