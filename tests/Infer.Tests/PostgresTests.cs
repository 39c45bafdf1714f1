using VirtualServices.Model;

namespace VirtualServices.Infer.Tests;

public sealed class PostgresTests
{
    internal static InferenceResult Conclude(params Recording[] recordings)
    {
        var engine = new InferenceEngine();
        foreach (Recording recording in recordings) engine.Add(recording.Open());
        return engine.Complete();
    }

    /// <summary>Two tenants in units of their own, which are recorded or not, over the given way.</summary>
    internal static Recording TwoTenants(Way way, bool recorded, string id = "s1", bool threads = true, bool byInode = false)
    {
        var recording = new Recording(id) { WithoutThreads = !threads };
        if (recorded) recording.Serve("shop", SelectorKind.Unit, "shop.service").Serve("blog", SelectorKind.Unit, "blog.service");
        recording.Process(200, recorded ? "shop" : "", unit: "shop.service", cgroup: "/system.slice/shop.service");
        recording.Process(300, recorded ? "blog" : "", unit: "blog.service", cgroup: "/system.slice/blog.service");
        var postgres = new Postgres(recording);
        if (way == Way.Unix) postgres.OnUnixSocket();
        Session shop = postgres.Connect(200, way, recorded, byInode);
        Session blog = postgres.Connect(300, way, recorded, byInode);
        postgres.Worker(7_000_000);
        for (int i = 0; i < 20; i++)
        {
            shop.Ask(100, 1000, 2_000_000);
            if (i % 4 == 0) blog.Ask(50, 200, 1_000_000);
        }

        shop.Close();
        blog.Close();
        return recording;
    }

    [Theory]
    [InlineData(Way.Tcp4, true, false)]
    [InlineData(Way.Tcp6, true, false)]
    [InlineData(Way.Mapped, true, false)]
    [InlineData(Way.Unix, true, false)]
    [InlineData(Way.Unix, true, true)]
    [InlineData(Way.Tcp4, false, false)]
    [InlineData(Way.Tcp6, false, true)]
    [InlineData(Way.Unix, false, false)]
    [InlineData(Way.Unix, false, true)]
    internal void Two_tenants_of_one_database_get_a_gate(Way way, bool recorded, bool byInode)
    {
        InferenceResult result = Conclude(TwoTenants(way, recorded, byInode: byInode));

        Gate gate = Assert.Single(result.Rules.Gates);
        Assert.Equal("postgres", gate.Service);
        Assert.Equal(GateCall.Receive, gate.On);
        Assert.Equal(ClassificationKind.Requester, gate.Classify.Kind);
        Assert.Equal(BindScope.Process, gate.Binds);
        Assert.Equal(GateState.Proposed, gate.State);
        Assert.Equal(way == Way.Unix ? "unix/" + Postgres.SocketPath : "tcp/5432", gate.When.Listen?.ToString());
        GateEvidence evidence = gate.Evidence!;
        Assert.Equal((27L, 27L, 0L, 0L), (evidence.Observed, evidence.Agreed, evidence.Contradicted, evidence.Unknown)); // 20 + 5 queries, 2 startup packets
        Assert.Equal("process-per-connection", evidence.Pattern);
        Assert.Equal(1, evidence.Sessions);
        Assert.InRange(evidence.Confidence, 0.85, 0.9);
        Assert.Equal(["blog", "shop", "bestEffort"], result.Rules.VirtualServices.Select(v => v.Name));
        Assert.Equal("unit:shop.service", Assert.Single(result.Rules.VirtualServices.Single(v => v.Name == "shop").FrontDoors).ToString());
        Assert.DoesNotContain(result.Unknowns, u => u.Reason.Contains("no rule without data", StringComparison.Ordinal)); // a front end needs nobody to ask it
        ServiceFinding finding = result.Services.Single(s => s.Name == "postgres");
        Assert.Equal(ExecutionModel.ProcessPerConnection, finding.Model);
        Assert.Equal((2L, 2L, 0L), (finding.Evidence.Connections, finding.Evidence.ForkedForIt, finding.Evidence.AgainstProcessPerConnection));
    }
}
