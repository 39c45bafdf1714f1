using VirtualServices.Enforce.Kernel;

namespace VirtualServices.Enforce.Tests;

public sealed class StatusSumsTests
{
    private static readonly IdTable Ids = MakeIds();

    [Fact]
    public void Open_and_closed_accounts_add_up()
    {
        StatusSums sums = new(
            [Task(10, 10, vs: 2, open: 5, total: 9), Task(11, 10, vs: 2, open: 7, total: 7), Task(20, 20, vs: 3, open: 1, total: 1, service: 0)],
            [(new AccountKey(2, 1), 100), (new AccountKey(1, 1), 40)],
            [(new ProcessKey(1, 10, 1), new ProcessAccount(4, 1, 0)), (new ProcessKey(1, 99, 3), new ProcessAccount(33, 1, 0))],
            [new ConnectionRecord(3, 1, 2, 0, 1), new ConnectionRecord(3, 1, 0, 0, 2)]);

        Assert.Equal(
            [new ServiceUse("", "db", 0, 0, 1), new ServiceUse("bestEffort", "db", 40, 0, 0), new ServiceUse("a", "db", 112, 1, 1), new ServiceUse("b", "", 1, 1, 0)],
            sums.PerService(Ids));
        Assert.Equal(
            [new VirtualServiceUse("bestEffort", 40, 0, 0), new VirtualServiceUse("a", 112, 1, 1), new VirtualServiceUse("b", 1, 1, 0), new VirtualServiceUse("idle", 0, 0, 0)],
            sums.PerVirtualService(Ids, id => id != 5));
        ProcessUse ten = sums.Live(Ids)[0];
        Assert.Equal(16, ten.CpuNs);
        Assert.Equal([new ProcessCharge(10, "db", "bestEffort", 4), new ProcessCharge(10, "db", "a", 12)], ten.Charged);
        Assert.Equal([new ProcessCharge(99, "db", "b", 33)], sums.Ended(Ids));
    }

    [Fact]
    public void A_process_number_that_is_used_again_is_another_process()
    {
        StatusSums sums = new([Task(10, 10, vs: 2, open: 5, total: 5)], [], [(new ProcessKey(Started: 0, 10, 3), new ProcessAccount(50, 1, 0))], []);
        Assert.Equal([new ProcessCharge(10, "db", "a", 5)], sums.Live(Ids)[0].Charged);
        Assert.Equal([new ProcessCharge(10, "db", "b", 50)], sums.Ended(Ids));
    }

    private static TaskRecord Task(uint tid, uint pid, uint vs, ulong open, ulong total, uint service = 1) =>
        new() { Tid = tid, Pid = pid, Service = service, VirtualService = vs, Started = 1, CpuOpenNs = open, CpuTotalNs = total };

    private static IdTable MakeIds()
    {
        IdTable ids = new();
        foreach (string name in (string[])["a", "b", "idle", "forgotten"]) ids.Id(IdKind.VirtualService, name);
        ids.Id(IdKind.Service, "db");
        return ids;
    }
}
