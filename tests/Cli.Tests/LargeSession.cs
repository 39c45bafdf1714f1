using System.Net;
using VirtualServices.Discover.Sessions;
using VirtualServices.Linux.Files;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Cli.Tests;

/// <summary>A session of any size, as a recording would have written it: a front end asks a database over connections that are made anew after a hundred requests each.</summary>
internal static class LargeSession
{
    private const int Front = 100, Database = 200, Connections = 50, RequestsOfAConnection = 100;

    /// <returns>Its events and their bytes.</returns>
    internal static (long Events, long Bytes) Write(string path, long atLeast)
    {
        SessionInfo info = new(
            SessionInfo.CurrentFormatVersion,
            "00112233445566778899aabbccddeeff",
            "host",
            "6.1.0",
            "boot",
            "record",
            "syscalls",
            new SessionClock("CLOCK_MONOTONIC", 1_000_000_000, 0, 0),
            [new Service("front", [new Selector(SelectorKind.Pid, "100")]), new Service("database", [new Selector(SelectorKind.Pid, "200")])],
            [Process(Front, "front"), Process(Database, "database")],
            [new SocketRecord(new SocketDescription(1, 1, TransportProtocol.Tcp, SocketRole.Listener, Address(5432), Endpoint.None, 0, 0, 1), [new SocketHolder(Database, 3)])],
            [],
            false);
        using PrivateFolder folder = PrivateFolder.Create(path);
        using SessionWriter writer = new(folder, info);
        long now = info.Clock.StartNs;
        ulong[] clients = new ulong[Connections], servers = new ulong[Connections];
        int[] left = new int[Connections];
        ulong next = 2;
        for (int i = 0; writer.Bytes < atLeast; i = (i + 1) % Connections)
        {
            if (left[i]-- == 0)
            {
                if (clients[i] > 0)
                {
                    Call(CallKind.Close, Front, i, clients[i], 0);
                    Call(CallKind.Close, Database, i, servers[i], 0);
                }

                Connect(i);
            }

            Call(CallKind.Send, Front, i, clients[i], 120);
            Call(CallKind.Receive, Database, i, servers[i], 120);
            Call(CallKind.Send, Database, i, servers[i], 900);
            Call(CallKind.Receive, Front, i, clients[i], 900);
        }

        writer.Complete(info with { Clock = info.Clock with { EndNs = now }, EndedCleanly = true });
        return (writer.Events, writer.Bytes);

        void Connect(int i)
        {
            left[i] = RequestsOfAConnection - 1;
            (clients[i], servers[i]) = (next++, next++);
            int port = 20_000 + (int)(clients[i] % 40_000);
            Describe(Front, i, new SocketDescription(clients[i], clients[i], TransportProtocol.Tcp, SocketRole.Client, Address(port), Address(5432), servers[i], Database, 1));
            Call(CallKind.Connect, Front, i, clients[i], 0);
            Describe(Database, i, new SocketDescription(servers[i], servers[i], TransportProtocol.Tcp, SocketRole.Server, Address(5432), Address(port), clients[i], Front, 1));
            Call(CallKind.Accept, Database, i, servers[i], 9 + i);
        }

        void Describe(int pid, int thread, SocketDescription description)
        {
            SessionEvent e = new() { Call = CallKind.Describe, TimeNs = now, Pid = pid, Tid = pid + thread, Fd = 9 + thread, Socket = description.Id };
            writer.WriteDescription(in e, description);
        }

        void Call(CallKind call, int pid, int thread, ulong socket, int result)
        {
            now += 5_000;
            SessionEvent e = new() { Call = call, TimeNs = now, DurationNs = 900, CpuNs = (ulong)(now / 4), Pid = pid, Tid = pid + thread, Fd = 9 + thread, Socket = socket, Result = result };
            writer.Write(in e);
        }
    }

    private static ProcessRecord Process(int pid, string service) => new(pid, 1, service, "/usr/bin/" + service, service, $"/{service}.service", $"{service}.service", 1000, 1, service);

    private static Endpoint Address(int port) => Endpoint.Inet(IPAddress.Loopback, port);
}
