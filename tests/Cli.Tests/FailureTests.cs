using System.Diagnostics;
using System.Globalization;

namespace VirtualServices.Cli.Tests;

/// <summary>What goes wrong outside: the program as its own process.</summary>
public sealed class FailureTests : CommandTest
{
    private static string Program => Path.Combine(AppContext.BaseDirectory, "vs.dll");

    [Fact]
    public void A_killed_approve_leaves_the_old_or_the_new_file()
    {
        string gates = string.Concat(Enumerable.Range(0, 300).Select(i => $"  - {{ id: g{i}, service: postgres, on: fork, classify: creator, binds: process }}\n"));
        File.WriteAllText(RulesPath, Rules + gates);
        int finished = 0;
        for (int i = 0; i < 16; i++)
        {
            using Process process = Start(i % 2 == 0 ? "approve" : "reject", RulesPath, "--all", "--by", "ada");

            // Kill at different moments of its life; where it has ended before, it has done its work.
            if (process.WaitForExit(60 + (i * 15))) finished++;
            process.Kill();
            process.WaitForExit();
            GateState[] states = [.. RuleFile.Load(RulesPath).Rules.Gates.Select(gate => gate.State).Distinct()];
            Assert.Single(states);
            foreach (string left in Directory.EnumerateFiles(Folder, ".rules.yaml.*")) File.Delete(left);
            if (states[0] == GateState.Rejected) File.WriteAllText(RulesPath, Rules + gates);
        }

        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{finished} of 16 ended before the kill"));
    }

    [Fact]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public void Without_permission_it_exits_with_5_and_the_file_stays()
    {
        File.SetUnixFileMode(Folder, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            // Root writes where it likes until it has no capabilities left.
            string[] unprivileged = Environment.IsPrivilegedProcess ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] : [];
            using Process process = Start(unprivileged, "approve", RulesPath, "--all", "--by", "ada");
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.Contains("may not be written by this user, the file is untouched", error, StringComparison.Ordinal);
            Assert.Equal(5, process.ExitCode);
            Assert.Equal(Rules, Text);
            Assert.Equal([RulesPath], Directory.EnumerateFileSystemEntries(Folder));
        }
        finally
        {
            File.SetUnixFileMode(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [Fact]
    public void Standard_input_that_is_no_terminal_is_refused_by_review()
    {
        using Process process = Start("review", RulesPath);
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(2, process.ExitCode);
        Assert.Contains("review needs a terminal", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("link.yaml")]
    [InlineData("./link.yaml")]
    public void A_link_that_is_named_without_its_folder_is_written_through(string name)
    {
        File.CreateSymbolicLink(Path.Combine(Folder, "link.yaml"), "rules.yaml");
        using Process process = Start("approve", name, "--all", "--by", "ada");
        Assert.Equal("", process.StandardError.ReadToEnd());
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.Equal("rules.yaml", new FileInfo(Path.Combine(Folder, "link.yaml")).LinkTarget);
        Assert.Contains("state: approved", Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("check --schema >/dev/full", 4, "vs: cannot write the result to standard output: No space left on device\n")]
    [InlineData("--help >/dev/full", 4, "vs: cannot write the result to standard output: No space left on device\n")]
    [InlineData("check rules.yaml >/dev/full", 4, "vs: cannot write the result to standard output: No space left on device\n")]
    [InlineData("check --schema >&-", 4, "vs: cannot write the result to standard output: Access to the path is denied.\n")]
    [InlineData("check absent.yaml 2>/dev/full", 3, "")]
    [InlineData("check absent.yaml 2>&-", 3, "")]
    public void Outputs_that_cannot_be_written_are_no_bug(string command, int code, string said)
    {
        using Process process = Start(before: ["sh", "-c", "exec \"$@\" " + command, "sh"]);
        Assert.Equal(said, process.StandardError.ReadToEnd());
        process.WaitForExit();
        Assert.Equal(code, process.ExitCode);
    }

    [Fact]
    public void Enforcing_dies_of_a_signal_while_it_reads_and_checks_the_rules()
    {
        // A pipe that nobody writes to stands for a file that takes long.
        string pipe = Path.Combine(Folder, "pipe.yaml");
        using (var mkfifo = Process.Start("mkfifo", [pipe])) mkfifo.WaitForExit();
        using Process process = Start("enforce", pipe);
        using FileStream writer = new(pipe, FileMode.Open, FileAccess.Write); // opens once it reads
        try
        {
            // The shell's own kill: a bare Debian has no program of that name.
            using (var kill = Process.Start("sh", ["-c", string.Create(CultureInfo.InvariantCulture, $"kill -TERM {process.Id}")])) kill.WaitForExit();
            Assert.True(process.WaitForExit(TimeSpan.FromSeconds(20)), "it is deaf to signals");
            Assert.Equal(128 + 15, process.ExitCode);
        }
        finally
        {
            process.Kill();
        }
    }

    [Fact]
    public void An_import_that_cannot_write_on_says_that_nothing_is_kept()
    {
        string input = Path.Combine(Folder, "in.jsonl"), session = Path.Combine(Folder, "session");
        File.WriteAllText(input, string.Concat(Enumerable.Range(0, 50_000).Select(i => $"{{\"ts\":{i},\"pid\":{(i % 999) + 1},\"call\":\"recv\",\"conn\":\"c{i}\",\"role\":\"server\",\"bytes\":3}}\n")));

        // A limit of 128 KiB a file stands for the full disk: a write fails after some have succeeded. The runtime's own files of code must not count.
        using Process process = Start(["env", "DOTNET_EnableWriteXorExecute=0", "sh", "-c", "trap '' XFSZ; ulimit -f 256; exec \"$@\"", "sh"], "import", "events", input, "-o", session);
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal((int)ExitCode.HostLacks, process.ExitCode);
        Assert.StartsWith("vs: cannot write the session", error, StringComparison.Ordinal);
        Assert.EndsWith(" Nothing of the session is kept. Free space, or import to another disk.\n", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(session));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_session_larger_than_memory_is_read(bool infers)
    {
        const long Memory = 96 << 20;
        string session = Path.Combine(Folder, "large"), inferred = Path.Combine(Folder, "inferred.yaml");
        (long events, long bytes) = LargeSession.Write(session, Memory + (Memory / 4));
        Assert.True(bytes > Memory);
        using Process process = Start(
            ["env", string.Create(CultureInfo.InvariantCulture, $"DOTNET_GCHeapHardLimit={Memory:X}")],
            infers ? ["infer", session, "-o", inferred] : ["show", session, "--json"]);
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        string errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(2)));
        Assert.True(process.ExitCode == 0, errors);
        string said = infers ? await File.ReadAllTextAsync(inferred, TestContext.Current.CancellationToken) : await output;
        string all = events.ToString(CultureInfo.InvariantCulture);
        Assert.Contains(infers ? $" {all} events" : $"\"events\": {all},", said, StringComparison.Ordinal);
    }

    private Process Start(params string[] args) => Start([], args);

    private Process Start(string[] before, params string[] args)
    {
        string[] words = [.. before, "dotnet", Program, .. args];
        return Process.Start(new ProcessStartInfo(words[0], words.Skip(1))
        {
            WorkingDirectory = Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }
}
