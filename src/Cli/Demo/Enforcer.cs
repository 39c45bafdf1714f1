using System.Text.Json;
using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>A running <c>vs enforce</c>.</summary>
internal sealed class Enforcer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);
    private readonly Child _child;

    private Enforcer(Child child) => _child = child;

    public int Pid => _child.Pid;

    /// <summary>Starts enforcing and waits until <c>vs status</c> says that it is in force.</summary>
    /// <param name="rules">The rule file.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <param name="options">More of the command line.</param>
    /// <exception cref="VsException">It was refused, with what it said.</exception>
    public static async Task<Enforcer> StartAsync(string rules, CancellationToken cancel, params string[] options)
    {
        Child child = VsChild.Start(["enforce", rules, .. options]);
        Enforcer enforcer = new(child);
        try
        {
            DateTime limit = DateTime.UtcNow + StartLimit;
            while (!await IsInForceAsync(child.Pid, cancel))
            {
                if (child.HasExited || DateTime.UtcNow > limit)
                    throw new VsException(ExitCode.HostLacks, $"demo: 'vs enforce {rules}' did not come into force: {(child.Errors + child.Output).Trim()}");
            }

            return enforcer;
        }
        catch
        {
            await enforcer.DisposeAsync();
            throw;
        }
    }

    /// <summary>What <c>vs status --json</c> says.</summary>
    public static Task<string> StatusAsync(CancellationToken cancel) => VsChild.RunAsync(cancel, "status", "--json");

    /// <summary>Ends enforcement as Ctrl-C does, and checks that it ended well.</summary>
    public async Task StopAsync(CancellationToken cancel)
    {
        await _child.EndAsync(Child.Interrupt, StopLimit);
        int code = await _child.WaitAsync(cancel);
        if (code != 0) throw new VsException(ExitCode.Bug, $"demo: 'vs enforce' ended with exit code {code} when it was interrupted: {(_child.Errors + _child.Output).Trim()}");
    }

    /// <summary>Ends enforcement whatever state it is in.</summary>
    public async ValueTask DisposeAsync()
    {
        bool ended = _child.HasExited;
        await _child.EndAsync(Child.Interrupt, StopLimit);
        _child.Dispose();
        // After a crash, what it left in the kernel is taken back.
        if (!ended) await VsChild.RunAsync(CancellationToken.None, "stop");
    }

    private static async Task<bool> IsInForceAsync(int pid, CancellationToken cancel)
    {
        using Child status = VsChild.Start(["status", "--json"]);
        if (await status.WaitAsync(cancel) != 0) return false;
        using JsonDocument document = JsonDocument.Parse(status.Output);
        return document.RootElement.TryGetProperty("enforcer_pid", out JsonElement found) && found.ValueKind == JsonValueKind.Number && found.GetInt32() == pid;
    }
}
