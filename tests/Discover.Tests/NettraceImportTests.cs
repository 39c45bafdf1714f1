using System.IO.Compression;
using VirtualServices.Discover.Import.Dotnet;
using VirtualServices.Discover.Nettrace;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Tests;

/// <summary>The golden files were captured with .NET 10 and dotnet-trace 10.0.750501 of tests/programs: 12 requests over 3 connections, each of which asks the stock service once and PostgreSQL once.</summary>
public sealed class NettraceImportTests : IDisposable
{
    private const int Requests = 12, ByWorker = 4;
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-nettrace").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Spans_become_requests_and_calls_and_say_which_call_works_for_which_request()
    {
        using Imported session = Imported.Nettrace(Imported.Golden("stock.nettrace"), Imported.Golden("shop.nettrace"));
        Assert.Equal(["VirtualServices.WebShop", "VirtualServices.WebStock"], session.Info.Services.Select(service => service.Name));
        int shop = session.Info.Processes.Single(process => process.Service.EndsWith("Shop", StringComparison.Ordinal)).Pid;
        ulong[] requests = [.. Begins(session, SocketRole.Server).Where(e => e.Pid == shop).Select(e => e.Request)];
        Assert.Equal(Requests, requests.Distinct().Count());
        SessionEvent[] calls = [.. Begins(session, SocketRole.Client)];
        Assert.All(calls, call => Assert.Equal(shop, call.Pid));
        ILookup<bool, SessionEvent> byKind = calls.ToLookup(call => session.Sockets[call.Socket].Connection.StartsWith("npgsql", StringComparison.Ordinal));
        Assert.Equal(requests.Order(), byKind[false].Select(call => call.Request).Order());

        // The first call of a connection to PostgreSQL opens it, for whoever asked first.
        SessionEvent[] queries = [.. byKind[true].GroupBy(call => call.Socket).SelectMany(connection => connection.Skip(1))];
        Assert.Equal(requests.Order(), queries.Select(call => call.Request).Order());
        Assert.All(byKind[true], call => Assert.Contains(call.Request, requests));

        // The stock service's connections are the other ends of HttpClient's.
        string[] asked = [.. Begins(session, SocketRole.Server).Where(e => e.Pid != shop).Select(e => session.Sockets[e.Socket].Connection)];
        Assert.Equal(asked.Order(), byKind[false].Select(call => session.Sockets[call.Socket].Connection).Order());
        Assert.Equal(3, session.Sockets.Values.Count(socket => socket.Connection.StartsWith("kestrel", StringComparison.Ordinal)));
        Assert.All(session.Events, e => Assert.Equal(0, e.Tid));
        Assert.Equal((requests.Length + asked.Length + calls.Length, requests.Length + asked.Length + calls.Length), (session.Moved(CallKind.Send), session.Moved(CallKind.Receive))); // each has its answer
        Assert.Equal(0, session.Result.Lost);
        Assert.Equal(["events of other providers"], session.Result.Unused.Select(count => count.Source));
        Assert.Equal(2026, DateTime.UnixEpoch.AddTicks((session.Info.Clock.StartNs + session.Info.Clock.UtcOffsetNs) / 100).Year);
    }

    [Fact]
    public void Without_spans_activities_say_it_as_far_as_the_runtime_follows_them()
    {
        using Imported session = Imported.Nettrace(Imported.Golden("shop-activities.nettrace"));
        HashSet<ulong> requests = [.. Begins(session, SocketRole.Server).Select(e => e.Request)];
        ulong[] calls = [.. Begins(session, SocketRole.Client).Select(e => e.Request)];
        Assert.Equal((Requests, Requests), (requests.Count, calls.Length));
        Assert.Equal(ByWorker, calls.Count(request => request == 0)); // its context is the worker's own
        Assert.Equal(Requests - ByWorker, calls.Where(requests.Contains).Distinct().Count());
    }

    [Fact]
    public void System_calls_of_a_linux_collect_capture_are_followed_by_their_descriptors()
    {
        using Imported session = Imported.Nettrace(Unpack("stock-calls.nettrace.gz"));
        ulong[] accepted = [.. session.Events.Where(e => e.Call == CallKind.Accept).Select(e => e.Socket)]; // dotnet-trace asks, too
        ulong socket = accepted.Single(one => session.Events.Count(e => e.Socket == one && e is { Call: CallKind.Receive, Result: > 0 }) == Requests);
        SessionEvent[] own = [.. session.Events.Where(e => e.Socket == socket && e.Call != CallKind.Describe)];
        Assert.Equal(Requests, own.Count(e => e is { Call: CallKind.Send, Result: > 0 }));
        Assert.Single(own, e => e.Call == CallKind.Close);
        Assert.All(own, e => Assert.True(e.Tid > 0 && e.Pid == own[0].Pid));
        Assert.Equal(SocketRole.Server, session.Sockets[socket].Role);
    }

    [Fact]
    public void A_cut_file_gives_what_came_before_the_cut()
    {
        byte[] whole = File.ReadAllBytes(Imported.Golden("shop.nettrace"));
        int cuts = 0;
        for (int length = 0; length < whole.Length; length += 977)
        {
            try
            {
                using Imported session = Imported.Nettrace(whole[..length]);
                cuts++;
                Assert.Equal(1, session.Unused("captures that end within a block"));
            }
            catch (VsException error)
            {
                Assert.Equal(ExitCode.BadInput, error.ExitCode);
            }
        }

        Assert.True(cuts >= 3, $"{cuts} cuts gave a session");
    }

    [Theory]
    [InlineData("x.txt", "hello, this is text", "record one with dotnet-trace collect")]
    [InlineData("x.netperf", "\u0014\0\0\0!FastSerialization.1", ".netperf of .NET Core 2")]
    [InlineData("x.etl", "\0\0\u0001\0", "an .etl file is of Windows")]
    [InlineData("x.zip", "PK\u0003\u0004", "unpack it first")]
    [InlineData("x.nettrace", "", "expected a nettrace file")]
    [InlineData("x.nettrace", "Nettrace", "expected the beginning of a nettrace file")]
    [InlineData("x.nettrace", "Nettrace\0\0\0\0\u0007\0\0\0\0\0\0\0", "expected version 4, 5 or 6, not 7")]
    [InlineData("x.nettrace", "Nettrace\u0014\0\0\0!FastSerialization.2", "expected '!FastSerialization.1'")]
    public void A_file_of_something_else_is_refused_with_what_it_is(string name, string text, string expected)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, System.Text.Encoding.Latin1.GetBytes(text));
        VsException error = Assert.Throws<VsException>(() => Imported.Nettrace(path));
        Assert.Equal(ExitCode.BadInput, error.ExitCode);
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_session_given_by_mistake_is_told()
    {
        using Imported session = Imported.PerfText("a 1/1 [000] 1.000001: sched:sched_process_exit: comm=a pid=1\n");
        MemoryStream events = new();
        NettraceHeader.Write(events, session.Info.Clock);
        VsException error = Assert.Throws<VsException>(() => Imported.Nettrace(events.ToArray()));
        Assert.Contains("give its folder to vs infer", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_of_two_hosts_are_not_merged()
    {
        byte[] other = File.ReadAllBytes(Imported.Golden("stock.nettrace"));
        other[53] -= 1; // a year before
        string path = Path.Combine(_folder, "other.nettrace");
        File.WriteAllBytes(path, other);
        VsException error = Assert.Throws<VsException>(() => Imported.Nettrace(Imported.Golden("shop.nettrace"), path));
        Assert.Contains("expected files of one host", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_number_in_two_files_is_two_processes()
    {
        string copy = Path.Combine(_folder, "copy.nettrace");
        File.Copy(Imported.Golden("stock.nettrace"), copy);
        using Imported session = Imported.Nettrace(Imported.Golden("stock.nettrace"), copy);
        Assert.Equal(["", "file2"], session.Info.Processes.Select(process => process.Host));
        Assert.Equal(2, session.Info.Processes.Select(process => process.Pid).Distinct().Count());
        Assert.Equal(Requests * 2, session.Moved(CallKind.Receive));
    }

    [Fact]
    public void The_same_files_give_the_same_bytes_in_any_order()
    {
        string[] files = [Imported.Golden("shop.nettrace"), Imported.Golden("stock.nettrace")];
        byte[] one = Events("one", files), two = Events("two", files), three = Events("three", [files[1], files[0]]);
        Assert.Equal(one, two);
        Assert.Equal(one, three);

        byte[] Events(string name, string[] paths)
        {
            string folder = Path.Combine(_folder, name);
            NettraceImport.Run(paths, folder, null, CancellationToken.None);
            return [.. File.ReadAllBytes(Path.Combine(folder, SessionReader.EventsFileName)), .. File.ReadAllBytes(Path.Combine(folder, SessionJson.FileName))];
        }
    }

    [Fact]
    public void Sizes_that_a_damaged_file_names_are_not_allocated()
    {
        byte[] good = File.ReadAllBytes(Imported.Golden("stock.nettrace"));
        long most = 0;
        for (int at = 3080; at < 3110; at++) // at 3092 is the number of fields of an event
        {
            byte[] bad = [.. good];
            BitConverter.TryWriteBytes(bad.AsSpan(at), 0x60000000);
            long before = GC.GetTotalAllocatedBytes();
            try
            {
                Imported.Nettrace(bad).Dispose();
            }
            catch (VsException error)
            {
                Assert.Equal(ExitCode.BadInput, error.ExitCode);
            }

            most = Math.Max(most, GC.GetTotalAllocatedBytes() - before);
        }

        Assert.True(most < 2 * HeapLimit.Bytes, $"{most} bytes for one file"); // 13 GB without the limit
    }

    [Theory]
    [InlineData("shop.nettrace", 300)]
    [InlineData("stock-calls.nettrace.gz", 60)]
    public void Any_change_of_a_file_gives_a_session_or_one_error_with_exit_code_3(string name, int times) =>
        Fuzz.Change(name.EndsWith(".gz", StringComparison.Ordinal) ? Unpack(name) : File.ReadAllBytes(Imported.Golden(name)), times, bytes => Imported.Nettrace(bytes).Dispose());

    /// <summary>The first receive or send of each turn.</summary>
    private static IEnumerable<SessionEvent> Begins(Imported session, SocketRole role) =>
        session.Events.Where(e => e.Call == (role == SocketRole.Server ? CallKind.Receive : CallKind.Send) && session.Sockets[e.Socket].Role == role);

    private static byte[] Unpack(string name)
    {
        using GZipStream packed = new(File.OpenRead(Imported.Golden(name)), CompressionMode.Decompress);
        MemoryStream bytes = new();
        packed.CopyTo(bytes);
        return bytes.ToArray();
    }
}
