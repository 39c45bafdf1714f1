using System.Diagnostics;
using System.Globalization;

namespace VirtualServices.Kernel.Tests;

/// <summary>Many of something: runs programs/crowd.c.</summary>
internal sealed class Crowd : IDisposable
{
    private readonly Process _process;

    public Crowd(string program, string of, int count)
    {
        _process = Process.Start(new ProcessStartInfo(program, [of, count.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Expect();
    }

    public int Pid => _process.Id;

    /// <summary>Lets it go on, and waits until it is ready again.</summary>
    public void Go()
    {
        _process.StandardInput.WriteLine();
        _process.StandardInput.Flush();
        Expect();
    }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Expect() => Assert.Equal("ready", _process.StandardOutput.ReadLine());
}
