using System.Diagnostics;
using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Bench;

/// <summary>The program <c>connections.c</c>: a server with idle connections and one that is used, in a network namespace of its own.</summary>
internal sealed class Connections : IDisposable
{
    private readonly Process _process;

    /// <summary>Starts it and waits until all connections are up.</summary>
    /// <param name="program">What <see cref="CProgram.CompileAsync"/> made.</param>
    /// <param name="idle">Idle connections.</param>
    /// <param name="touched">Bytes of memory that are read before each send of a turn.</param>
    public Connections(string program, int idle, int touched = 0)
    {
        _process = Process.Start(new ProcessStartInfo(program, [idle.ToString(CultureInfo.InvariantCulture), touched.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        for (string? line; (line = _process.StandardOutput.ReadLine()) != "ready";)
        {
            string[] words = (line ?? throw new VsException(ExitCode.HostLacks, "bench: the connections did not come up")).Split(' ');
            int pid = int.Parse(words[1], CultureInfo.InvariantCulture);
            if (words[0] == "server") Server = pid;
            else Client = pid;
            Port = int.Parse(words[2], CultureInfo.InvariantCulture);
        }
    }

    public int Server { get; }

    public int Client { get; }

    /// <summary>Where the server listens.</summary>
    public int Port { get; }

    /// <summary>The server receives so many requests of a byte each and answers them.</summary>
    public void Run(int requests) => Order(requests);

    /// <summary>Client and server take so many turns, on one processor.</summary>
    public void TakeTurns(int turns) => Order(-turns);

    private void Order(int number)
    {
        _process.StandardInput.WriteLine(number.ToString(CultureInfo.InvariantCulture));
        _process.StandardInput.Flush();
        if (_process.StandardOutput.ReadLine() != "done") throw new VsException(ExitCode.Bug, "bench: the connection was lost");
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
