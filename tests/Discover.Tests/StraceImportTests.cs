using CsCheck;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Tests;

/// <summary>Golden files were recorded with strace 6.1 of real servers; what is expected is what the clients did.</summary>
public sealed class StraceImportTests
{
    [Fact]
    public void A_running_server_with_all_options_shows_what_its_clients_did()
    {
        // redis-cli: 1 SET; redis-benchmark: 1 CONFIG GET and 60 GET on 3 connections.
        using Imported session = Imported.Strace(Imported.Golden("redis-attached-yy.strace"));
        Assert.Equal(5, session.Count(CallKind.Accept));
        Assert.Equal(62, session.Moved(CallKind.Receive));
        Assert.Equal(62, session.Moved(CallKind.Send));
        Assert.Equal(5, session.Count(CallKind.Close));
        SocketDescription[] clients = [.. session.Sockets.Values.Where(socket => socket.Role == SocketRole.Server)];
        Assert.Equal(5, clients.Length);
        Assert.All(clients, socket => Assert.Equal((TransportProtocol.Tcp, 16399), (socket.Protocol, socket.Local.Port)));
        Assert.Equal(5, clients.Select(socket => socket.Remote.Port).Distinct().Count());
        Assert.All(session.Events.Where(e => e.Call == CallKind.Receive), e => Assert.True(e.DurationNs > 0));
    }

    [Fact]
    public void A_started_server_without_labels_is_followed_by_its_descriptors()
    {
        // redis-cli twice: SET and SHUTDOWN; strace -f -tt, neither -yy nor -T.
        using Imported session = Imported.Strace(Imported.Golden("redis-started-tt.strace"));
        Assert.Equal(2, session.Count(CallKind.Accept));
        Assert.Equal(2, session.Moved(CallKind.Receive));
        Assert.Equal(1, session.Moved(CallKind.Send));
        Assert.Equal(4, session.Count(CallKind.Fork));
        Assert.Single(session.Info.Services, service => service.Name == "redis-server");
        Assert.All(session.Sockets.Values.Where(socket => socket.Role == SocketRole.Server), socket => Assert.Equal("127.0.0.1:16399", socket.Local.ToString()));
        Assert.Single(session.Events.Where(e => e.Call != CallKind.Describe).Select(e => e.Pid).Distinct());
    }

    [Fact]
    public void A_cut_file_gives_what_came_before_the_cut()
    {
        string file = File.ReadAllText(Imported.Golden("redis-attached-yy.strace"));
        int lineInTheMiddle = file.IndexOf('\n', file.Length / 2) + 1;
        using Imported session = Imported.StraceText(file[..(lineInTheMiddle + 40)]);
        Assert.InRange(session.Moved(CallKind.Receive), 1, 61);
        Assert.NotEmpty(session.Result.Unused);
    }

    [Fact]
    public void A_child_that_runs_before_its_fork_returns_inherits_and_is_not_lost()
    {
        using Imported session = Imported.StraceText(
            """
            10 1700000000.000001 execve("/usr/sbin/pre", ["pre"], 0x1 /* 1 var */) = 0
            10 1700000000.000002 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3
            10 1700000000.000003 bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
            10 1700000000.000004 listen(3, 5) = 0
            10 1700000000.000005 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD <unfinished ...>
            11 1700000000.000006 accept4(3, {sa_family=AF_INET, sin_port=htons(40000), sin_addr=inet_addr("127.0.0.1")}, [128 => 16], SOCK_CLOEXEC) = 4
            10 1700000000.000007 <... clone resumed>) = 11
            11 1700000000.000008 recvfrom(4, "GET / sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr(\"6.6.6.6\")) = 9", 1024, 0, NULL, NULL) = 77
            11 1700000000.000009 exit_group(0) = ?
            11 1700000000.000010 +++ exited with 0 +++
            """);
        Assert.Equal([CallKind.Exec, CallKind.Listen, CallKind.Fork, CallKind.Accept, CallKind.Receive, CallKind.Exit], session.Events.Where(e => e.Call != CallKind.Describe).Select(e => e.Call));
        SocketDescription accepted = Assert.Single(session.Sockets.Values, socket => socket.Role == SocketRole.Server);
        Assert.Equal("127.0.0.1:80", accepted.Local.ToString());
        Assert.Equal("127.0.0.1:40000", accepted.Remote.ToString());
        SessionEvent received = session.Events.Single(e => e.Call == CallKind.Receive);
        Assert.Equal((11, 77), (received.Pid, received.Result));
        Assert.Single(session.Info.Services, service => service.Name == "pre");
    }

    [Theory]
    [InlineData("read(4, \"x\", 1) = 1", 1)] // single process, no time
    [InlineData("     0.000010 read(4, \"x\", 1) = 1", 1)] // -r
    [InlineData("12:00:01 read(4, \"x\", 1) = 1", 1)] // -t
    [InlineData("12:00:01.000001 read(4<TCP:[127.0.0.1:80->127.0.0.1:40000]>, \"x\", 1) = 1 <0.000001>", 1)]
    [InlineData("[pid  1234] 1700000000.000001 read(4, \"\"..., 1) = 1", 1234)] // to the terminal
    [InlineData("1234<nginx> 1700000000.000001 read(4, \"x\", 1) = 1", 1234)] // -Y
    [InlineData("1234  1700000000.000001 (+     0.000010) read(4, \"x\", 1) = 1", 1234)] // -r -ttt
    public void Every_beginning_of_a_line_is_read(string line, int thread)
    {
        string accept = line[..line.IndexOf("read", StringComparison.Ordinal)] + "accept(3, {sa_family=AF_INET, sin_port=htons(40000), sin_addr=inet_addr(\"127.0.0.1\")}, [16]) = 4";
        using Imported session = Imported.StraceText(accept + "\n" + line + "\n");
        SessionEvent received = session.Events.Single(e => e.Call == CallKind.Receive);
        Assert.Equal((thread, thread, 1), (received.Pid, received.Tid, received.Result));
        Assert.DoesNotContain(session.Result.Unused, count => count.Source.StartsWith("lines", StringComparison.Ordinal));
    }

    [Fact]
    public void Labels_name_sockets_that_were_there_before_the_trace()
    {
        using Imported session = Imported.StraceText(
            """
            7 1700000000.1 accept4(6<TCPv6:[[::1]:5432]>, {sa_family=AF_INET6, sin6_port=htons(41000), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, [128 => 28], 0) = 9<TCPv6:[[::1]:5432->[::1]:41000]> <0.1>
            8 1700000000.3 recvfrom(5<TCPv6:[[::1]:5432->[::1]:40000]>, "Q"..., 8192, 0, NULL, NULL) = 20 <0.00001>
            8 1700000000.4 sendto(4<UNIX-STREAM:[200->201,"/run/x.sock"]>, "a>b]>"..., 5, 0, NULL, 0) = 5 <0.00001>
            8 1700000000.5 write(1</dev/pts/0<char 136:0>>, "no socket", 9) = 9 <0.00001>
            8 1700000000.6 sendto(3<UDP:[127.0.0.1:53]>, "d", 1, 0, {sa_family=AF_INET, sin_port=htons(5353), sin_addr=inet_addr("127.0.0.9")}, 16) = 1 <0.00001>
            """);
        Assert.Equal(2, session.Count(CallKind.Send));
        SocketDescription tcp = session.Sockets.Values.Single(socket => socket.Remote.Port == 40000);
        Assert.Equal(SocketRole.Server, tcp.Role); // somebody listens on 5432
        SocketDescription unix = session.Sockets.Values.Single(socket => socket.Protocol == TransportProtocol.Unix);
        Assert.Equal((200ul, 201ul, "/run/x.sock"), (unix.Inode, unix.PeerInode, unix.Local.Path));
        Assert.Equal("127.0.0.9:5353", session.Sockets.Values.Single(socket => socket.Protocol == TransportProtocol.Udp).Remote.ToString());
    }

    [Fact]
    public void A_file_of_something_else_is_refused_with_what_was_expected()
    {
        VsException error = Assert.Throws<VsException>(() => Imported.StraceText("hello\nworld\n"));
        Assert.Equal(ExitCode.BadInput, error.ExitCode);
        Assert.Contains("expected output of strace", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_change_of_a_trace_gives_a_session_or_one_error_with_exit_code_3()
    {
        byte[] good = [.. File.ReadAllBytes(Imported.Golden("redis-attached-yy.strace")).Take(6000), .. File.ReadAllBytes(Imported.Golden("redis-started-tt.strace")).Take(4000)];
        Fuzz.Change(good, 400, bytes => Imported.StraceText(System.Text.Encoding.UTF8.GetString(bytes)).Dispose());
    }

    [Fact]
    public void A_million_open_calls_and_lines_do_not_pile_up()
    {
        using Imported session = Imported.StraceText("1 1700000000.0 execve(\"/bin/x\", [\"x\"], 0x0) = 0\n" + string.Concat(Enumerable.Range(2, 30_000).Select(i => $"{i} 1700000000.1 clone(flags=SIGCHLD <unfinished ...>\n{i + 100_000} 1700000000.2 read(3, \"\", 1) = 1\n")));
        Assert.Contains(session.Result.Unused, count => count is { Source: "calls that had not ended at the end of the trace", Unused: 30_000 });
    }

    [Theory]
    [InlineData("")]
    [InlineData("5 1700000000.1 clone(flags=SIGCHLD <unfinished ...>\n")]
    public void A_trace_without_any_event_is_refused_with_what_was_not_used(string text)
    {
        VsException refused = Assert.Throws<VsException>(() => Imported.StraceText(text));
        Assert.Equal(ExitCode.BadInput, refused.ExitCode);
        Assert.StartsWith("trace: nothing that was read is an event, expected what 'vs import strace' reads: is the format the right one?", refused.Message, StringComparison.Ordinal);
    }
}
