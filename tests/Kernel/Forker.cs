using System.Diagnostics;
using System.Globalization;

namespace VirtualServices.Kernel.Tests;

/// <summary>A process that makes children when told to, and reaps them.</summary>
internal sealed class Forker : IDisposable
{
    private const string Script = """
        $| = 1; my @held;
        while (<STDIN>) {
            my ($what, $n) = split; my $done = 0;
            if ($what eq "fork" || $what eq "exec") {
                for (1..$n) {
                    my $child = fork() // die "fork: $!";
                    if (!$child) { close STDIN; close STDOUT; exec "sleep", "1000" if $what eq "exec"; sleep 1000; exit }
                    push @held, $child; $done++;
                }
            } elsif ($what eq "leave") { for (1..$n) { my $child = fork() // die "fork: $!"; exit if !$child; push @held, $child; $done++ }
            } elsif ($what eq "end") { for (splice(@held, 0, $n)) { kill 9, $_; waitpid $_, 0; $done++ }
            } elsif ($what eq "churn") { for (1..$n) { my $child = fork(); defined $child or die "fork: $!"; exit if !$child; waitpid $child, 0; $done++ } }
            print "$done @held\n";
        }
        kill 9, @held;
        """;

    private readonly Process _parent;

    public Forker() => _parent = PostgresServer.Start("perl", "-e", Script);

    public int Pid => _parent.Id;

    /// <summary>Its children, the oldest first, as of the last answer.</summary>
    public int[] Children { get; private set; } = [];

    /// <summary>Makes children.</summary>
    public void Fork(int count) => Tell("fork", count);

    /// <summary>Makes children that become another program, and waits until they have.</summary>
    public void Exec(int count)
    {
        int before = Children.Length;
        Tell("exec", count);
        foreach (int child in Children.Skip(before)) Wait.Until(() => File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{child}/comm")) == "sleep\n", "the child is another program");
    }

    /// <summary>Makes children that end at once, and does not wait for them.</summary>
    public void Leave(int count) => Tell("leave", count);

    /// <summary>Ends the oldest children.</summary>
    public void End(int count) => Tell("end", count);

    /// <summary>Makes children that end at once, one after the other.</summary>
    public void Churn(int count) => Tell("churn", count);

    /// <summary>Sends a signal to a process; its parent reaps it when it is told to.</summary>
    public static void Signal(int pid, string name)
    {
        using Process kill = Process.Start("sh", ["-c", string.Create(CultureInfo.InvariantCulture, $"kill -{name} {pid}")]);
        kill.WaitForExit();
    }

    public void Dispose()
    {
        foreach (int child in Children)
            if (Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{child}"))) Signal(child, "KILL");
        _parent.Kill();
        _parent.WaitForExit();
        _parent.Dispose();
    }

    private void Tell(string what, int number)
    {
        _parent.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what} {number}"));
        _parent.StandardInput.Flush();
        int[] answer = [.. (_parent.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the forker ended")).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(part => int.Parse(part, CultureInfo.InvariantCulture))];
        Assert.Equal(number, answer[0]);
        Children = answer[1..];
    }
}
