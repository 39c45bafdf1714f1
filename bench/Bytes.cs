using System.Diagnostics;
using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Bench;

/// <summary>The program <c>bytes.c</c>: threads that send and receive single bytes.</summary>
internal sealed class Bytes : IDisposable
{
    private readonly Process _process;

    /// <summary>Starts it; it waits to be let go.</summary>
    /// <param name="program">What <see cref="CProgram.CompileAsync"/> made.</param>
    /// <param name="kind">What carries the bytes: unix or tcp.</param>
    /// <param name="threads">Threads, each with a connection of its own.</param>
    /// <param name="pauseMicroseconds">Pause of a thread after each byte; 0: as fast as it can.</param>
    public Bytes(string program, string kind, int threads, int pauseMicroseconds = 0)
    {
        ProcessStartInfo start = new(program, [kind, Text(threads), Text(pauseMicroseconds)]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        _process = Process.Start(start)!;
        if (_process.StandardOutput.ReadLine() != "ready") throw new VsException(ExitCode.HostLacks, "bench: bytes.c did not come up");
    }

    public int Pid => _process.Id;

    /// <summary>Lets all threads go.</summary>
    public void Begin() => _process.StandardInput.WriteLine("begin"); // more than a byte: it is not to be counted

    /// <summary>Ends all threads.</summary>
    /// <returns>How often they sent or received, and in which time.</returns>
    public (long Calls, double Seconds) End()
    {
        _process.StandardInput.WriteLine("end");
        string[] words = (_process.StandardOutput.ReadLine() ?? throw new VsException(ExitCode.Bug, "bench: bytes.c failed")).Split(' ');
        return (long.Parse(words[0], CultureInfo.InvariantCulture), long.Parse(words[1], CultureInfo.InvariantCulture) / 1e9);
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
