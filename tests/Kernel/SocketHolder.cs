using System.Diagnostics;
using System.Globalization;

namespace VirtualServices.Kernel.Tests;

/// <summary>A process that opens, connects and closes sockets when told to.</summary>
internal sealed class SocketHolder : IDisposable
{
    private const string Script = """
        use Socket; $| = 1; my @held;
        while (<STDIN>) {
            my ($what, $n) = split; my ($done, $error) = (0, 0);
            if ($what eq "open") {
                for (1..$n) { my $s; if (socket($s, $_ % 2 ? AF_INET : AF_INET6, $_ % 3 ? SOCK_STREAM : SOCK_DGRAM, 0)) { push @held, $s; $done++ } else { $error = $! + 0; last } }
            } elsif ($what eq "close") { $done = splice(@held, 0, $n) ? $n : 0
            } elsif ($what eq "churn") {
                for (1..$n) { socket(my $s, $_ % 2 ? AF_INET : AF_INET6, $_ % 3 ? SOCK_STREAM : SOCK_DGRAM, 0) or die "socket: $!"; $done++ }
            } elsif ($what eq "connect") { connect($held[0], pack_sockaddr_in($n, inet_aton("127.0.0.1"))) ? $done++ : ($error = $! + 0) }
            print "$done $error\n";
        }
        """;

    private readonly Process _process = PostgresServer.Start("perl", "-e", Script);

    public int Pid => _process.Id;

    /// <summary>Makes TCP and UDP sockets of both families until one fails.</summary>
    /// <returns>How many it got, and the errno of the one that failed, else 0.</returns>
    public (int Done, int Errno) Open(int count) => Tell("open", count);

    /// <summary>Closes the oldest.</summary>
    public void Close(int count) => Assert.Equal((count, 0), Tell("close", count));

    /// <summary>Makes and closes so many, one after the other.</summary>
    public void Churn(int count) => Assert.Equal((count, 0), Tell("churn", count));

    /// <summary>Connects the oldest to a port of this host.</summary>
    public int Connect(int port) => Tell("connect", port).Errno;

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }

    private (int Done, int Errno) Tell(string what, int number)
    {
        _process.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what} {number}"));
        _process.StandardInput.Flush();
        int[] answer = [.. (_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the holder of sockets ended")).Split(' ').Select(part => int.Parse(part, CultureInfo.InvariantCulture))];
        return (answer[0], answer[1]);
    }
}
