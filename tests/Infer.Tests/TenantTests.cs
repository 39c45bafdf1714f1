using VirtualServices.Infer.Proposals;
using VirtualServices.Model;
using static VirtualServices.Infer.Tests.PostgresTests;

namespace VirtualServices.Infer.Tests;

public sealed class TenantTests
{
    private static InferenceResult With(Action<Recording> processes, int second = 300)
    {
        var recording = new Recording();
        processes(recording);
        var postgres = new Postgres(recording);
        postgres.Connect(200, Way.Tcp4, clientRecorded: false);
        postgres.Connect(second, Way.Tcp4, clientRecorded: false);
        return Conclude(recording);
    }

    private static string[] Doors(InferenceResult result) =>
        [.. result.Rules.VirtualServices.SelectMany(v => v.FrontDoors.Select(d => $"{v.Name}={d}"))];

    [Fact]
    public void Units_come_first() =>
        Assert.Equal(["a=unit:a.service", "b=unit:b.service"], Doors(With(r =>
        {
            r.Process(200, unit: "a.service", cgroup: "/x/a.service", uid: 1);
            r.Process(300, unit: "b.service", cgroup: "/x/b.service", uid: 2);
        })));

    [Fact]
    public void Cgroups_are_next() =>
        Assert.Equal(["a=cgroup:/t/a", "b=cgroup:/t/b"], Doors(With(r =>
        {
            r.Process(200, cgroup: "/t/a");
            r.Process(300, cgroup: "/t/b");
        })));

    [Fact]
    public void A_process_that_entered_the_cgroup_of_a_recorded_service_later_belongs_to_it() =>
        Assert.Equal(["shop-a=cgroup:/t/a", "shop-b=cgroup:/t/b"], Doors(With(r =>
        {
            r.Serve("shop-a", SelectorKind.Cgroup, "/t/a").Serve("shop-b", SelectorKind.Cgroup, "/t/b");
            r.Process(199, "shop-a", cgroup: "/t/a");
            r.Process(299, "shop-b", cgroup: "/t/b");
            r.Process(200, cgroup: "/t/a");
            r.Process(300, cgroup: "/t/b");
        })));

    [Fact]
    public void One_shell_and_two_users_are_told_apart_by_uid() =>
        Assert.Equal(["app-u1001=uid:1001", "app-u1002=uid:1002"], Doors(With(r =>
        {
            r.Process(200, unit: "session-3.scope", cgroup: "/user.slice/session-3.scope", uid: 1001);
            r.Process(300, unit: "session-3.scope", cgroup: "/user.slice/session-3.scope", uid: 1002);
        })));

    [Fact]
    public void One_user_and_two_programs_are_told_apart_by_executable() =>
        Assert.Equal(["a-u7=exe:/bin/a", "b-u7=exe:/bin/b"], Doors(With(r =>
        {
            r.Process(200, exe: "/bin/a", uid: 7);
            r.Process(300, exe: "/bin/b", uid: 7);
        })));

    [Fact]
    public void Pids_are_the_last_resort() =>
        Assert.Equal(["a=pid:200", "b=pid:300"], Doors(With(r =>
        {
            r.Serve("a", SelectorKind.Pid, "200").Serve("b", SelectorKind.Pid, "300");
            r.Process(200, "a", exe: "/bin/x", uid: 7);
            r.Process(300, "b", exe: "/bin/x", uid: 7);
        })));

    [Fact]
    public void A_unit_that_also_holds_the_shared_service_is_no_front_door()
    {
        InferenceResult result = With(r =>
        {
            r.Process(200, unit: "postgresql.service", cgroup: "/system.slice/postgresql.service", uid: 1001);
            r.Process(300, unit: "b.service", cgroup: "/x/b.service", uid: 2);
        });
        Assert.Equal(["app-u1001=uid:1001", "b=unit:b.service"], Doors(result));
    }

    [Fact]
    public void What_nothing_separates_gets_no_virtual_service()
    {
        var recording = new Recording();
        recording.Serve("a", SelectorKind.Pid, "200").Serve("b", SelectorKind.Pid, "201");
        recording.Process(200, "a", exe: "/bin/x", uid: 7);
        recording.Process(201, "b", parent: 200, exe: "/bin/x", uid: 7); // below a: a's pid would choose it, too
        var postgres = new Postgres(recording);
        postgres.Connect(200, Way.Tcp4, clientRecorded: true);
        postgres.Connect(201, Way.Tcp4, clientRecorded: true);
        InferenceResult result = Conclude(recording);
        Assert.Equal(["b=pid:201"], Doors(result));
        Assert.Contains(result.Unknowns, u => u.Subject == "a" && u.Reason.StartsWith("no virtual service", StringComparison.Ordinal));
        GateEvidence evidence = Assert.Single(result.Rules.Gates).Evidence!;
        Assert.Equal((1L, 1L), (evidence.Agreed, evidence.Unknown));
    }

    [Fact]
    public void Root_is_nobodys_front_door() =>
        Assert.Equal(["a=exe:/bin/a", "b=uid:9"], Doors(With(r =>
        {
            r.Serve("a", SelectorKind.Pid, "200").Serve("b", SelectorKind.Pid, "300");
            r.Process(200, "a", exe: "/bin/a", uid: 0);
            r.Process(300, "b", exe: "/bin/b", uid: 9);
        })));

    [Fact]
    public void Equal_names_get_numbers_in_a_fixed_order()
    {
        string[] doors = Doors(With(r =>
        {
            r.Process(200, cgroup: "/one/app");
            r.Process(300, cgroup: "/two/app");
        }));
        Assert.Equal(["app=cgroup:/one/app", "app-2=cgroup:/two/app"], doors);
    }

    [Theory]
    [InlineData("shop-web.service", "shop-web")]
    [InlineData("7up.service", "vs-7up")]
    [InlineData("bestEffort", "bestEffort-2")]
    [InlineData("<script>", "script")]
    [InlineData("日本", "tenant")]
    [InlineData("a b\nc", "a-b-c")]
    public void Names_are_what_a_rule_file_takes(string wish, string name) => Assert.Equal(name, new NameBook().Take(wish));

    [Fact]
    public void Long_names_are_cut_and_stay_apart()
    {
        var book = new NameBook();
        string one = book.Take(new string('a', 100)), two = book.Take(new string('a', 100));
        Assert.Equal((63, 63), (one.Length, two.Length));
        Assert.NotEqual(one, two);
    }
}
