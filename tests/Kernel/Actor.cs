using System.Diagnostics;
using System.Globalization;

namespace VirtualServices.Kernel.Tests;

/// <summary>
/// A server of one thread that serves all its clients in a loop, or a client, over any transport: <c>tcp4</c>, <c>tcp6</c>, <c>unix</c>, <c>seq</c>, <c>udp4</c> (connected),
/// <c>udp6</c> (not connected), <c>dgram</c>. A request says how many ms of CPU it takes. A server may pass each request on over one connection of its own first.
/// </summary>
internal sealed class Actor : IDisposable
{
    private const string Script = """
        use Socket qw(:all); use Time::HiRes qw(clock_gettime CLOCK_PROCESS_CPUTIME_ID);
        $| = 1;
        my ($role, $kind, $where, $up, $upwhere) = @ARGV;
        sub make { my $k = shift; socket(my $s, $k =~ /4$/ ? AF_INET : $k =~ /6$/ ? AF_INET6 : AF_UNIX, $k =~ /^(tcp|unix)/ ? SOCK_STREAM : $k eq 'seq' ? SOCK_SEQPACKET : SOCK_DGRAM, 0) or die $!; $s }
        sub addr { my ($k, $w) = @_; $k =~ /4$/ ? pack_sockaddr_in($w, inet_aton('127.0.0.1')) : $k =~ /6$/ ? pack_sockaddr_in6($w, inet_pton(AF_INET6, '::1')) : pack_sockaddr_un($w) }
        sub datagrams { $_[0] =~ /^(udp|dgram)/ }
        sub dial { my ($k, $w) = @_; my $s = make($k); if ($k eq 'dgram') { unlink "$w.$$"; bind($s, pack_sockaddr_un("$w.$$")) or die $!; }
            if ($k ne 'udp6') { connect($s, addr($k, $w)) or die "$k $w $!"; } $s }
        sub ask { my ($s, $k, $w, $m) = @_; defined($k eq 'udp6' ? send($s, $m, 0, addr($k, $w)) : send($s, $m, 0)) or die "send: $!";
            my $got; defined recv($s, $got, 1000, 0) or die "receive: $!"; die 'no answer' unless length $got; $got }
        sub burn { my $end = clock_gettime(CLOCK_PROCESS_CPUTIME_ID) + $_[0] / 1000; 1 while clock_gettime(CLOCK_PROCESS_CPUTIME_ID) < $end; }
        if ($role eq 'client') {
            my $s = dial($kind, $where); print "ready\n";
            while (my $line = <STDIN>) {
                if ($line =~ /again/) { close $s; $s = dial($kind, $where); print "done\n"; next; }
                alarm 60; # an answer that never comes is a failure, not a test without end
                my ($count, $ms) = split ' ', $line; ask($s, $kind, $where, $ms) for 1 .. $count; alarm 0; print "done\n";
            }
            unlink "$where.$$"; exit 0;
        }
        my $listener = make($kind);
        if ($kind =~ /[46]$/) { setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1); bind($listener, addr($kind, $where =~ /^\d+$/ ? $where : 0)) or die $!; } else { unlink $where; bind($listener, pack_sockaddr_un($where)) or die $!; }
        listen($listener, 50) unless datagrams($kind);
        my $pooled = $up ? dial($up, $upwhere) : undef;
        print $kind =~ /4$/ ? (unpack_sockaddr_in(getsockname($listener)))[0] : $kind =~ /6$/ ? (unpack_sockaddr_in6(getsockname($listener)))[0] : $where, "\n";
        my (%clients, @waiting, $asker);
        while ($role eq 'relay') { # passes one request on at a time; what is read meanwhile waits inside, and its connection is read again when it goes out
            my $ready = ''; vec($ready, fileno($_), 1) = 1 for (*STDIN, $listener, $pooled, values %clients);
            next if select($ready, undef, undef, undef) < 1;
            exit 0 if vec($ready, fileno(STDIN), 1);
            if (vec($ready, fileno($pooled), 1)) {
                sysread($pooled, my $answer, 1000) or die 'no answer'; syswrite($asker, $answer); undef $asker;
                if (my $next = shift @waiting) { ($asker, my $ms) = @$next; sysread($asker, my $more, 1000); syswrite($pooled, $ms); }
            }
            for my $s (values %clients) {
                next unless vec($ready, fileno($s), 1);
                my $ms; if (!sysread($s, $ms, 1000)) { delete $clients{fileno($s)}; close $s; next; }
                if ($asker) { push @waiting, [$s, $ms]; } else { $asker = $s; syswrite($pooled, $ms); }
            }
            if (vec($ready, fileno($listener), 1) && accept(my $s, $listener)) { fcntl($s, 4, 2048); $clients{fileno($s)} = $s; } # O_NONBLOCK
        }
        while (1) {
            my $ready = ''; vec($ready, fileno($_), 1) = 1 for (*STDIN, $listener, values %clients);
            next if select($ready, undef, undef, undef) < 1;
            exit 0 if vec($ready, fileno(STDIN), 1); # the test was killed
            for my $s (values %clients) {
                next unless vec($ready, fileno($s), 1);
                my $ms; if (!sysread($s, $ms, 1000)) { delete $clients{fileno($s)}; close $s; next; }
                burn($ms); ask($pooled, $up, $upwhere, $ms) if $pooled; syswrite($s, $ms);
            }
            if (vec($ready, fileno($listener), 1)) {
                if (datagrams($kind)) {
                    my $from = recv($listener, my $ms, 1000, 0); burn($ms); ask($pooled, $up, $upwhere, $ms) if $pooled; send($listener, $ms, 0, $from);
                } elsif (accept(my $s, $listener)) { $clients{fileno($s)} = $s; }
            }
        }
        """;

    private readonly Process _process;

    private Actor(string kind, string program, params string[] arguments)
    {
        _process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Where = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"the actor did not start: {program} {string.Join(' ', arguments)}");
        Kind = kind;
    }

    public int Pid => _process.Id;

    public string Kind { get; }

    /// <summary>Port or path of a server.</summary>
    public string Where { get; }

    private static Actor Perl(string role, string kind, params string[] where) => new(kind, "perl", ["-e", Script, role, kind, .. where]);

    public static Actor Server(string kind, Actor? behind = null)
    {
        string path = $"/tmp/vs-actor-{Environment.ProcessId}-{Guid.NewGuid():N}.sock";
        return behind is null ? Perl("server", kind, path) : Perl("server", kind, path, behind.Kind, behind.Where);
    }

    /// <summary>A server over <c>tcp4</c> that passes one request on at a time, and keeps what it reads meanwhile.</summary>
    public static Actor Relay(Actor behind) => Perl("relay", "tcp4", "0", behind.Kind, behind.Where);

    /// <summary>A server over <c>tcp4</c> on the loopback of a network namespace.</summary>
    public static Actor ServerIn(string networkNamespace) => new("tcp4", "ip", "netns", "exec", networkNamespace, "perl", "-e", Script, "server", "tcp4", "0");

    /// <summary>A server at the place of one that has ended.</summary>
    public static Actor Successor(Actor ended) => Perl("server", ended.Kind, ended.Where);

    public static Actor Client(Actor server) => Perl("client", server.Kind, server.Where);

    /// <summary>A program of the folder <c>programs</c> that keeps to the same protocol over <c>tcp4</c>.</summary>
    public static Actor Compiled(string program, params string[] arguments) => new("tcp4", program, arguments);

    /// <summary>Makes so many requests, one after the other, and waits for the last answer.</summary>
    public void Ask(int count = 1, int ms = 0)
    {
        _process.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} {ms}"));
        _process.StandardInput.Flush();
        Assert.Equal("done", _process.StandardOutput.ReadLine());
    }

    /// <summary>A client closes its connection and makes a new one.</summary>
    public void Reconnect()
    {
        _process.StandardInput.WriteLine("again");
        _process.StandardInput.Flush();
        Assert.Equal("done", _process.StandardOutput.ReadLine());
    }

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        if (Where.StartsWith('/'))
            foreach (string file in Directory.GetFiles(Path.GetDirectoryName(Where)!, Path.GetFileName(Where) + "*")) File.Delete(file);
    }
}
