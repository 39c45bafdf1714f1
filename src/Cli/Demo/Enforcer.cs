using System.Globalization;
using System.Text.Json;
using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>A running <c>vs enforce</c>.</summary>
internal sealed class Enforcer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);
    private const int Killed = 128;
    private readonly Child _child;

    // Ours was in force: what a crash of it leaves in the kernel is ours to take back.
    private bool _inForce;

    private Enforcer(Child child) => _child = child;

    public int Pid => _child.Pid;

    /// <summary>Starts enforcing and waits until <c>vs status</c> says that it is in force.</summary>
    /// <param name="rules">The rule file.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <param name="options">More of the command line.</param>
    /// <exception cref="VsException">It was refused, with its exit code and what it said.</exception>
    public static async Task<Enforcer> StartAsync(string rules, CancellationToken cancel, params string[] options)
    {
        Child child = VsChild.Start(["enforce", rules, .. options]);
        Enforcer enforcer = new(child);
        try
        {
            DateTime limit = DateTime.UtcNow + StartLimit;
            while (!await IsInForceAsync(child.Pid, cancel))
            {
                if (child.HasExited) throw Refused(rules, child, await child.WaitAsync(cancel));
                if (DateTime.UtcNow > limit) throw Refused(rules, child, (int)ExitCode.HostLacks);
            }

            enforcer._inForce = true;
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

    /// <summary>Ends enforcement whatever state it is in. After a crash, what it left in the kernel is taken back; another enforcer that has taken over meanwhile is left alone.</summary>
    public async ValueTask DisposeAsync()
    {
        await _child.EndAsync(Child.Interrupt, StopLimit);
        int code = await _child.WaitAsync(CancellationToken.None);
        _child.Dispose();

        // One that ends by itself takes back what it did, also where it fails; one that was refused did nothing.
        bool mayHaveLeft = code > Killed || (_inForce && code != 0);
        if (mayHaveLeft && !IsAlive(await StateAsync(CancellationToken.None), out _)) await VsChild.RunAsync(CancellationToken.None, "stop");
    }

    /// <summary>Throws where an enforcer runs already: the demo's own would be refused, after minutes of work.</summary>
    /// <exception cref="VsException">Exit code 1, as <c>vs enforce</c> has it then.</exception>
    public static async Task RequireNoneAsync(CancellationToken cancel) => RequireNone(await StateAsync(cancel));

    /// <summary>The same for what <c>vs status --json</c> said.</summary>
    internal static void RequireNone(string status)
    {
        if (!IsAlive(status, out int? pid)) return;
        string which = pid is null ? "one is just starting or ending" : string.Create(CultureInfo.InvariantCulture, $"pid {pid}");
        throw new VsException(ExitCode.DoesNotHold, $"demo: another enforcer runs already ({which}): end it with Ctrl-C or 'vs stop'");
    }

    private static VsException Refused(string rules, Child child, int code)
        => new(VsChild.Known(code), $"demo: 'vs enforce {rules}' did not come into force: {(child.Errors + child.Output).Trim()}");

    private static async Task<bool> IsInForceAsync(int pid, CancellationToken cancel) => IsAlive(await StateAsync(cancel), out int? found) && found == pid;

    // Empty where it cannot be told: then nothing is known to run.
    private static async Task<string> StateAsync(CancellationToken cancel)
    {
        using Child status = VsChild.Start(["status", "--json"]);
        return await status.WaitAsync(cancel) == 0 ? status.Output : "";
    }

    private static bool IsAlive(string status, out int? pid)
    {
        pid = null;
        if (status.Length == 0) return false;
        using JsonDocument document = JsonDocument.Parse(status);
        if (document.RootElement.TryGetProperty("enforcer_pid", out JsonElement found) && found.ValueKind == JsonValueKind.Number) pid = found.GetInt32();
        return document.RootElement.TryGetProperty("state", out JsonElement state) && state.GetString() is ("running" or "starting");
    }
}
