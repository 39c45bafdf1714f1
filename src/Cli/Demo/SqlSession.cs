using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>One connection that stays open, through psql.</summary>
internal sealed class SqlSession : IAsyncDisposable
{
    private const string EndMark = "-- end of answer --";
    private readonly Child _psql;

    public SqlSession(string psql, Account account, string host, int port, string user, string database) =>
        _psql = Child.Start(
            [
                psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", port.ToString(CultureInfo.InvariantCulture), "-U", user, "-d", database,
            ],
            account,
            interactive: true);

    /// <summary>Runs one statement.</summary>
    /// <returns>The rows; columns are separated by '|'.</returns>
    /// <exception cref="VsException">The server refused it.</exception>
    public async Task<IReadOnlyList<string>> QueryAsync(string statement, CancellationToken cancel)
    {
        await _psql.Input.WriteAsync($"{statement};\n\\echo '{EndMark}'\n".AsMemory(), cancel);
        await _psql.Input.FlushAsync(cancel);
        List<string> rows = [];
        while (await _psql.Reader.ReadLineAsync(cancel) is { } line)
        {
            if (line == EndMark) return rows;
            rows.Add(line);
        }

        await _psql.WaitAsync(cancel);
        throw new VsException(ExitCode.HostLacks, $"demo: PostgreSQL refused '{statement}': {_psql.Errors.Trim()}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_psql.HasExited) _psql.Input.Close();
        await _psql.EndAsync(Child.Terminate, TimeSpan.FromSeconds(2));
        _psql.Dispose();
    }
}
