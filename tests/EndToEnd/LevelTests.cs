using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.EndToEnd;

/// <summary>What is recorded differs between the levels; what is proposed from it must not.</summary>
public sealed class LevelTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("unix")]
    public async Task Level_sockets_leads_to_the_same_gates_as_level_syscalls(string transport)
    {
        Requirements.SkipUnlessMet();
        await using Site site = await Site.StartAsync();
        string host = transport == "unix" ? site.Stage.Server.SocketFolder : transport;
        Dictionary<string, IReadOnlyList<Gate>> gates = [];
        foreach (string level in new[] { "sockets", "syscalls" })
        {
            await site.RecordAndInferAsync(host, level);
            using (SessionReader session = SessionReader.Open(site.Session))
            {
                Assert.Equal(level, session.Info.Level);
                Assert.Equal(0, session.Info.Counts.Sum(count => count.Lost));
            }

            gates[level] = RuleFile.Load(site.Rules).Rules.Gates;
            Directory.Delete(site.Session, recursive: true);
            File.Delete(site.Rules);
        }

        Assert.Equal(gates["syscalls"].Select(Essence), gates["sockets"].Select(Essence));
        Gate receive = Assert.Single(gates["sockets"], gate => gate.On == GateCall.Receive);
        Assert.Equal((ClassificationKind.Requester, BindScope.Process, "process-per-connection"), (receive.Classify.Kind, receive.Binds, receive.Evidence?.Pattern));
        Assert.Equal((0L, 0L), (receive.Evidence!.Contradicted, receive.Evidence.Unknown));
    }

    // All but the figures of the evidence, which differ between two recordings.
    private static (string, string, GateCall, string?, string, Classification, BindScope, string?) Essence(Gate gate)
        => (gate.Id, gate.Service, gate.On, gate.When.Listen?.ToString(), string.Join(",", gate.When.Requesters ?? []), gate.Classify, gate.Binds, gate.Evidence?.Pattern);
}
