using System.Diagnostics;
using System.Text;
using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>A process that we started: in its own process group, so that Ctrl-C at the terminal reaches us alone and we end it in order.</summary>
internal sealed class Child : IDisposable
{
    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    private const int KeptCharacters = 8192;

    // The shell enters the cgroup before it becomes the command, so that no child of the command is ever outside.
    private const string EnterCgroup = "echo 0 > \"$1/cgroup.procs\" && shift && exec \"$@\"";

    private readonly Process _process;
    private readonly string _name;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private readonly Lock _lock = new();

    private Child(Process process, string name, bool interactive, Action<string>? onErrorLine)
    {
        _process = process;
        _name = name;
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null) return;
            lock (_lock) Keep(_errors, line.Data);
            onErrorLine?.Invoke(line.Data);
        };
        process.BeginErrorReadLine();
        if (interactive) return;
        process.StandardInput.Close();
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null) return;
            lock (_lock) _output.AppendLine(line.Data);
        };
        process.BeginOutputReadLine();
    }

    public int Pid => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Standard output so far; empty for interactive children.</summary>
    public string Output
    {
        get
        {
            lock (_lock) return _output.ToString();
        }
    }

    /// <summary>End of standard error so far.</summary>
    public string Errors
    {
        get
        {
            lock (_lock) return _errors.ToString();
        }
    }

    public StreamWriter Input => _process.StandardInput;

    public StreamReader Reader => _process.StandardOutput;

    /// <summary>Starts a command.</summary>
    /// <param name="command">Program (full path) and arguments.</param>
    /// <param name="account">User to run as, or null for ours.</param>
    /// <param name="cgroup">Folder of the cgroup to start in, or null for ours.</param>
    /// <param name="interactive">Input and output belong to the caller.</param>
    /// <param name="onErrorLine">Told each line of standard error.</param>
    /// <param name="folder">Working folder.</param>
    /// <param name="networkNamespace">Name of the network namespace to run in, or null for ours.</param>
    public static Child Start(
        IReadOnlyList<string> command,
        Account? account = null,
        string? cgroup = null,
        bool interactive = false,
        Action<string>? onErrorLine = null,
        string folder = "/",
        string? networkNamespace = null)
    {
        List<string> words = [];
        if (cgroup is not null) words.AddRange(["/bin/sh", "-c", EnterCgroup, "sh", cgroup]);
        // A shell starts what runs in the background with Ctrl-C ignored, which its children inherit: the demo's must hear it.
        words.AddRange([Tools.Find("setsid", "util-linux"), Tools.Find("env", "coreutils"), "--default-signal=INT,QUIT"]);
        if (networkNamespace is not null) words.AddRange([Tools.Find("nsenter", "util-linux"), $"--net=/run/netns/{networkNamespace}"]);
        if (account is not null) words.AddRange(account.Prefix());
        words.AddRange(command);
        ProcessStartInfo start = new(words[0], words.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = folder,
        };
        start.Environment["LC_ALL"] = "C.UTF-8";
        string name = Path.GetFileName(command[0]);
        Process process = Process.Start(start) ?? throw new VsException(ExitCode.Bug, $"demo: {name} did not start");
        return new Child(process, name, interactive, onErrorLine);
    }

    /// <summary>Runs a command to its end.</summary>
    /// <returns>Its standard output.</returns>
    /// <exception cref="VsException">It failed; the message carries what it said.</exception>
    public static async Task<string> RunAsync(IReadOnlyList<string> command, Account? account, CancellationToken cancel, string? cgroup = null)
    {
        using Child child = Start(command, account, cgroup);
        await child.WaitAsync(cancel);
        child.ThrowIfFailed();
        return child.Output;
    }

    /// <summary>Waits for the end; when cancelled, kills the process first.</summary>
    public async Task<int> WaitAsync(CancellationToken cancel)
    {
        try
        {
            await _process.WaitForExitAsync(cancel);
        }
        catch (OperationCanceledException)
        {
            await EndAsync(Terminate, TimeSpan.FromSeconds(5));
            throw;
        }

        return _process.ExitCode;
    }

    /// <summary>Throws when the process has ended with another code than 0.</summary>
    public void ThrowIfFailed()
    {
        if (_process.HasExited && _process.ExitCode != 0)
            throw new VsException(ExitCode.HostLacks, $"demo: {_name} failed with exit code {_process.ExitCode}: {(Errors.Length > 0 ? Errors : Output).Trim()}");
    }

    public void Signal(int signal)
    {
        if (!_process.HasExited) _ = Tmds.Linux.LibC.kill(_process.Id, signal);
    }

    /// <summary>Signals the process, and kills it (it alone) where it has not ended within the time.</summary>
    public async Task EndAsync(int signal, TimeSpan patience)
    {
        if (_process.HasExited) return;
        Signal(signal);
        using CancellationTokenSource limit = new(patience);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Signal(Kill);
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    public void Dispose()
    {
        Signal(Kill);
        _process.Dispose();
    }

    private static void Keep(StringBuilder text, string line)
    {
        text.AppendLine(line);
        if (text.Length > KeptCharacters) text.Remove(0, text.Length - KeptCharacters);
    }
}
