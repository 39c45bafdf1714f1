using System.Runtime.InteropServices;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>The load generator of a tenant as a process of its own, in the tenant's cgroup.</summary>
internal sealed class LoadProcess : IDisposable
{
    private readonly Child _child;
    private readonly LoadPlan _plan;

    private LoadProcess(Child child, LoadPlan plan) => (_child, _plan) = (child, plan);

    /// <summary>File of the program itself.</summary>
    public static string Library => Path.Combine(AppContext.BaseDirectory, "VirtualServices.Traces.dll");

    /// <summary>Starts it and waits until its early connections are there.</summary>
    /// <param name="plan">What it does.</param>
    /// <param name="cgroup">Folder of the tenant's cgroup.</param>
    /// <param name="networkNamespace">Name of the network namespace to run in, or null for ours.</param>
    /// <param name="cancel">Ends the wait.</param>
    public static async Task<LoadProcess> StartAsync(LoadPlan plan, string cgroup, string? networkNamespace, CancellationToken cancel)
    {
        // Without diagnostics: their socket in the temporary folder has nothing to do with what is recorded.
        string host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet"));
        LoadProcess load = new(Child.Start([Tools.Find("env", "coreutils"), "DOTNET_EnableDiagnostics=0", host, Library, "client", plan.ToText()], cgroup: cgroup, interactive: true, networkNamespace: networkNamespace), plan);
        try
        {
            await load.ExpectAsync(LoadClient.Ready, cancel);
            return load;
        }
        catch
        {
            load.Dispose();
            throw;
        }
    }

    /// <summary>Lets it ask all that it has to, and waits until all is answered.</summary>
    public async Task AskAsync(CancellationToken cancel)
    {
        await SayAsync(LoadClient.Go, cancel);
        await ExpectAsync(LoadClient.Done, cancel);
    }

    /// <summary>Closes its connections and ends it.</summary>
    /// <returns>What it knows.</returns>
    public async Task<IReadOnlyList<Hop>> CloseAsync(CancellationToken cancel)
    {
        await SayAsync(LoadClient.Close, cancel);
        List<Hop> hops = [];
        while (await _child.Reader.ReadLineAsync(cancel) is { } line) hops.Add(TruthFile.Parse(line, $"load of {_plan.Tenant}").Hop!);
        await _child.WaitAsync(cancel);
        _child.ThrowIfFailed();
        return hops;
    }

    /// <inheritdoc/>
    public void Dispose() => _child.Dispose();

    private async Task SayAsync(string word, CancellationToken cancel)
    {
        await _child.Input.WriteLineAsync(word.AsMemory(), cancel);
        await _child.Input.FlushAsync(cancel);
    }

    private async Task ExpectAsync(string word, CancellationToken cancel)
    {
        string? said = await _child.Reader.ReadLineAsync(cancel);
        if (said == word) return;
        await _child.WaitAsync(cancel);
        throw new VsException(ExitCode.HostLacks, $"the load of {_plan.Tenant} did not say '{word}': {said}{_child.Errors}");
    }
}
