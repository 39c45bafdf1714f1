using System.Globalization;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.Siblings;

/// <summary>A cgroup whose processes wake each other all the time and want all CPUs: 24 pairs that take turns, as clients and the processes of a database do.</summary>
internal sealed class BusySibling : IAsyncDisposable
{
    private const int Pairs = 24, Microseconds = 1000;
    private const string Name = "busy";
    private readonly Child _pairs;
    private readonly string _members;

    private BusySibling(Child pairs, string cgroup)
    {
        _pairs = pairs;
        _members = Path.Combine(cgroup, "cgroup.procs");
    }

    /// <summary>Starts it.</summary>
    /// <param name="cgroups">Gets the cgroup.</param>
    /// <param name="folder">For the program.</param>
    /// <param name="clientsToo">The clients are in the cgroup, too; else only the servers.</param>
    /// <param name="cancel">Ends the start.</param>
    public static async Task<BusySibling> StartAsync(DemoCgroups cgroups, string folder, bool clientsToo, CancellationToken cancel)
    {
        string program = await CProgram.CompileAsync("pairs", folder, cancel);
        string[] command = [program, Pairs.ToString(CultureInfo.InvariantCulture), Microseconds.ToString(CultureInfo.InvariantCulture)];
        string cgroup = cgroups.Folder(Name);
        return new(clientsToo ? Child.Start(command, cgroup: cgroup) : Child.Start([.. command, cgroup]), cgroup);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _pairs.EndAsync(Child.Kill, TimeSpan.FromSeconds(5));
        _pairs.Dispose();
        while (File.ReadAllText(_members).Length > 0) await Task.Delay(20); // its processes end with it, and hold the cgroup until they have
    }
}
