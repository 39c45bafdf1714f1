using System.Diagnostics;
using System.Globalization;

namespace VirtualServices.Kernel.Tests;

/// <summary>A server of our own that forks a process per connection and sends back what it gets, over TCP (v4, v6) and a unix socket. Perl is part of every Debian.</summary>
internal sealed class EchoServer : IDisposable
{
    private const string Script = """
        use Socket qw(:all);
        $SIG{CHLD} = 'IGNORE';
        my ($path, $address) = @ARGV;
        my @listeners;
        socket(my $four, AF_INET, SOCK_STREAM, 0); bind($four, pack_sockaddr_in(0, inet_aton($address))) or die; listen($four, 50);
        socket(my $six, AF_INET6, SOCK_STREAM, 0); bind($six, pack_sockaddr_in6(0, inet_pton(AF_INET6, '::1'))) or die; listen($six, 50);
        socket(my $unix, AF_UNIX, SOCK_STREAM, 0); bind($unix, pack_sockaddr_un($path)) or die; listen($unix, 50);
        $| = 1;
        print((unpack_sockaddr_in(getsockname($four)))[0], ' ', (unpack_sockaddr_in6(getsockname($six)))[0], "\n");
        while (1) {
            my $ready = '';
            vec($ready, fileno($_), 1) = 1 for ($four, $six, $unix);
            next if select($ready, undef, undef, undef) < 1;
            for my $listener ($four, $six, $unix) {
                next unless vec($ready, fileno($listener), 1);
                accept(my $connection, $listener) or next;
                if (fork() == 0) {
                    close($_) for ($four, $six, $unix);
                    while (sysread($connection, my $bytes, 1000)) { syswrite($connection, $bytes); }
                    exit 0;
                }
                close($connection);
            }
        }
        """;

    private readonly Process _process;

    internal EchoServer(string unixPath, string address4 = "127.0.0.1")
    {
        UnixPath = unixPath;
        _process = Process.Start(new ProcessStartInfo("perl", ["-e", Script, unixPath, address4]) { RedirectStandardOutput = true })!;
        string[] ports = (_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the echo server did not start")).Split(' ');
        Port4 = int.Parse(ports[0], CultureInfo.InvariantCulture);
        Port6 = int.Parse(ports[1], CultureInfo.InvariantCulture);
    }

    internal int Pid => _process.Id;

    internal int Port4 { get; }

    internal int Port6 { get; }

    internal string UnixPath { get; }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        File.Delete(UnixPath);
    }
}

/// <summary>A client of <see cref="EchoServer"/>: connects, and for each call sends 100 bytes and waits for them to come back.</summary>
internal sealed class EchoClient : IDisposable
{
    private const string Script = """
        use Socket qw(:all);
        my ($kind, $where, $address) = @ARGV;
        socket(my $s, $kind eq '4' ? AF_INET : $kind eq '6' ? AF_INET6 : AF_UNIX, SOCK_STREAM, 0);
        connect($s, $kind eq '4' ? pack_sockaddr_in($where, inet_aton($address)) : $kind eq '6' ? pack_sockaddr_in6($where, inet_pton(AF_INET6, '::1')) : pack_sockaddr_un($where)) or die $!;
        $| = 1;
        print "connected\n";
        while (my $count = <STDIN>) {
            for (1 .. $count) {
                syswrite($s, 'x' x 100) == 100 or die;
                my $got = 0;
                while ($got < 100) { my $n = sysread($s, my $bytes, 100); die unless $n; $got += $n; }
            }
            print "done\n";
        }
        """;

    private readonly Process _process;

    internal EchoClient(string kind, string where, string address4 = "127.0.0.1")
    {
        _process = Process.Start(new ProcessStartInfo("perl", ["-e", Script, kind, where, address4]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Pid = _process.Id;
        Expect("connected");
    }

    internal int Pid { get; }

    /// <summary>Does so many round trips and waits for the last.</summary>
    internal void Call(int count)
    {
        _process.StandardInput.WriteLine(count);
        _process.StandardInput.Flush();
        Expect("done");
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Expect(string line) => Assert.Equal(line, _process.StandardOutput.ReadLine());
}
