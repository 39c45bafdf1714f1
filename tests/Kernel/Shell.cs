using System.Diagnostics;
using System.Globalization;

namespace VirtualServices.Kernel.Tests;

/// <summary>A process that forks when told to.</summary>
internal sealed class Shell : IDisposable
{
    private readonly Process _process = PostgresServer.Start("/bin/sh");
    private readonly List<int> _children = [];

    public int Pid => _process.Id;

    /// <summary>Makes a child that sleeps, or does something else.</summary>
    public int Fork(string command = "sleep 60")
    {
        _process.StandardInput.WriteLine($"{command} >/dev/null & echo $!");
        int child = int.Parse(_process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        _children.Add(child);
        return child;
    }

    /// <summary>Runs a command and waits for its end.</summary>
    public void Run(string command)
    {
        _process.StandardInput.WriteLine($"{command}; echo ended");
        Assert.Equal("ended", _process.StandardOutput.ReadLine());
    }

    public void Dispose()
    {
        foreach (int child in _children) _process.StandardInput.WriteLine($"kill {child}");
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
