using System.Diagnostics;
using System.Globalization;

namespace VirtualServices.Kernel.Tests;

/// <summary>A process that makes children when told to, and reaps them. Its parent is a process of its own that waits for it: the enforcer is in this one here, and .NET takes a child that is traced and stops for one that has ended.</summary>
internal sealed class Forker : IDisposable
{
    private const string Parent = """
        use POSIX (); my $forker = fork();
        if ($forker) { waitpid $forker, 0; POSIX::_exit($? >> 8) }
        $| = 1; print "$$\n";

        """;

    private const string Script = """
        my @held;
        while (<STDIN>) {
            my ($what, $n) = split; my ($done, $error) = (0, 0);
            if ($what eq "fork" || $what eq "exec") {
                for (1..$n) {
                    my $child = fork();
                    if (!defined $child) { $error = $! + 0; last }
                    if (!$child) { close STDIN; close STDOUT; exec "sleep", "1000" if $what eq "exec"; sleep 1000; exit }
                    push @held, $child; $done++;
                }
            } elsif ($what eq "end") { for (splice(@held, 0, $n)) { kill 9, $_; waitpid $_, 0; $done++ }
            } elsif ($what eq "churn") { for (1..$n) { my $child = fork(); defined $child or die "fork: $!"; exit if !$child; waitpid $child, 0; $done++ } }
            print "$done $error @held\n";
        }
        kill 9, @held;
        """;

    private readonly Process _parent;

    /// <param name="begin">What it does first, in Perl.</param>
    public Forker(string begin = "")
    {
        _parent = PostgresServer.Start("perl", "-e", Parent + begin + Script);
        Pid = int.Parse(_parent.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
    }

    public int Pid { get; }

    /// <summary>Its children, the oldest first, as of the last answer.</summary>
    public int[] Children { get; private set; } = [];

    /// <summary>True while it is stopped by a signal.</summary>
    public bool IsStopped => StateOf(Pid) == 'T';

    /// <summary>Makes children until one fails.</summary>
    /// <returns>How many, and the errno of the one that failed, else 0.</returns>
    public (int Done, int Errno) Fork(int count) => Tell("fork", count);

    /// <summary>The same with children that become another program.</summary>
    public (int Done, int Errno) Exec(int count) => Tell("exec", count);

    /// <summary>Ends the oldest children.</summary>
    public void End(int count) => Assert.Equal((count, 0), Tell("end", count));

    /// <summary>Makes children that end at once, one after the other.</summary>
    public void Churn(int count) => Assert.Equal((count, 0), Tell("churn", count));

    /// <summary>Begins to make one child; <see cref="Answer"/> waits for it.</summary>
    public void Begin() => Write("fork", 1);

    /// <summary>What became of what was begun.</summary>
    public (int Done, int Errno) Answer()
    {
        int[] answer = [.. (_parent.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the forker ended")).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(part => int.Parse(part, CultureInfo.InvariantCulture))];
        Children = answer[2..];
        return (answer[0], answer[1]);
    }

    /// <summary>The same; fails where there is no answer for long, as of one that stays stopped.</summary>
    public (int Done, int Errno) AnswerInTime()
    {
        Task<(int, int)> answer = Task.Run(Answer);
        Wait.Until(() => answer.IsCompleted, "the forker answers");
        return answer.GetAwaiter().GetResult();
    }

    /// <summary>Has it end, and its children.</summary>
    /// <returns>How it ended.</returns>
    public int EndOf()
    {
        _parent.StandardInput.Close();
        _parent.WaitForExit();
        return _parent.ExitCode;
    }

    /// <summary>Sends a signal to a process; its parent reaps it when it is told to.</summary>
    public static void Signal(int pid, string name)
    {
        using Process kill = Process.Start("sh", ["-c", string.Create(CultureInfo.InvariantCulture, $"kill -{name} {pid}")]);
        kill.WaitForExit();
    }

    /// <summary>State of a process as /proc has it.</summary>
    public static char StateOf(int pid)
    {
        string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
        return stat[stat.LastIndexOf(')') + 2];
    }

    public void Dispose()
    {
        foreach (int child in Children)
            if (Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{child}"))) Signal(child, "KILL");
        if (!_parent.HasExited) Signal(Pid, "KILL");
        _parent.WaitForExit();
        _parent.Dispose();
    }

    private (int Done, int Errno) Tell(string what, int number)
    {
        Write(what, number);
        return Answer();
    }

    private void Write(string what, int number)
    {
        _parent.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what} {number}"));
        _parent.StandardInput.Flush();
    }
}
