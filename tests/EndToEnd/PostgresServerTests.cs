using System.Globalization;
using VirtualServices.Cli.Demo;

namespace VirtualServices.EndToEnd;

public sealed class PostgresServerTests
{
    private const string Role = "tenant-a";

    [Fact]
    public async Task A_role_reaches_the_server_by_every_transport_and_nothing_is_left_of_it()
    {
        string folder = Path.Combine(Path.GetTempPath(), $"vs-server-{Guid.NewGuid():N}");
        int pid;
        await using (PostgresServer server = await PostgresServer.StartAsync(folder, null, [Role], Site.Cancel))
        {
            pid = server.Pid;
            string[] hosts = server.ListensOnIPv6 ? ["127.0.0.1", "::1", server.SocketFolder] : ["127.0.0.1", server.SocketFolder];
            foreach (string host in hosts)
            {
                string said = await Child.RunAsync(
                    [server.Program("psql"), "-X", "-A", "-t", "-h", host, "-p", server.Port.ToString(CultureInfo.InvariantCulture), "-U", Role, "-d", PostgresServer.Database, "-c", "SELECT current_user"],
                    server.Account,
                    Site.Cancel);
                Assert.Equal(Role, said.Trim());
            }
        }

        Assert.Null(Procfs.CommandOf(pid));
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task The_superuser_cannot_be_reached_over_tcp()
    {
        string folder = Path.Combine(Path.GetTempPath(), $"vs-server-{Guid.NewGuid():N}");
        await using PostgresServer server = await PostgresServer.StartAsync(folder, null, [Role], Site.Cancel);
        Model.VsException refused = await Assert.ThrowsAsync<Model.VsException>(() => Child.RunAsync(
            [server.Program("psql"), "-X", "-h", "127.0.0.1", "-p", server.Port.ToString(CultureInfo.InvariantCulture), "-U", "owner", "-d", PostgresServer.Database, "-c", "SELECT 1"],
            server.Account,
            Site.Cancel));
        Assert.Contains("pg_hba.conf", refused.Message, StringComparison.Ordinal);
    }
}
