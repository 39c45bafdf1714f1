using VirtualServices.Enforce.Kernel;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Tests;

public sealed class StatusSumsTests
{
    private static readonly IdTable Ids = MakeIds();

    [Fact]
    public void Open_and_closed_accounts_add_up()
    {
        StatusSums sums = new(
            5,
            [Task(10, 10, vs: 2, open: 5, total: 9, wait: 5), Task(11, 10, vs: 2, open: 7, total: 7) with { RequestsOpen = 8, Gate = 5, HitsOpen = 4 }, Task(20, 20, vs: 3, open: 1, total: 1, service: 0)],
            [(new AccountKey(2, 1), new Account(100, 7, 3, 0, 6)), (new AccountKey(1, 1), new Account(40, 0, 2, 2, 1)), (new AccountKey(6, 1), new Account(9, 1, 1, 0, 0))],
            [(new ProcessKey(1, 10, 1), new ProcessAccount(4, 1, 0)), (new ProcessKey(1, 99, 3), new ProcessAccount(33, 1, 0))],
            [new ConnectionRecord(3, 1, 2, 0, 10, 5, 1), new ConnectionRecord(3, 1, 0, 0, 10, 6, 2)]);

        Assert.Equal(
            [
                new ServiceUse("", "db", new UseCounts(0, 0, 1)), new ServiceUse("bestEffort", "db", new UseCounts(40, 0, 0, 0, 2, 2, 1)), new ServiceUse("a", "db", new UseCounts(112, 1, 1, 12, 3 + 8, 0, 6)),
                new ServiceUse("b", "", new UseCounts(1, 1, 0)), new ServiceUse("a-child", "db", new UseCounts(9, 0, 0, 1, 1)),
            ],
            sums.PerService(Ids));
        VirtualServiceShare share = new(new CpuShare(100, 1.5), new NetworkShare(), 3, null);
        ShareRecord record = new(0, 100, 1500, 100, 0, 0, 3, 0);
        Assert.Equal(
            [
                new VirtualServiceUse("bestEffort", "", new UseCounts(40, 0, 0, 0, 2, 2, 1), new UseCounts(40, 0, 0, 0, 2, 2, 1), null),
                new VirtualServiceUse("a", "", new UseCounts(112, 1, 1, 12, 3 + 8, 0, 6), new UseCounts(121, 1, 1, 13, 4 + 8, 0, 6), share),
                new VirtualServiceUse("b", "", new UseCounts(1, 1, 0), new UseCounts(1, 1, 0), null),
                new VirtualServiceUse("idle", "", default, default, share),
                new VirtualServiceUse("a-child", "a", new UseCounts(9, 0, 0, 1, 1), new UseCounts(9, 0, 0, 1, 1), share),
            ],
            sums.PerVirtualService(Ids, new Dictionary<uint, ShareRecord> { [2] = record, [4] = record, [6] = record with { Parent = 2 } }));
        ProcessUse ten = sums.Live(Ids)[0];
        Assert.Equal(16, ten.CpuNs);
        Assert.Equal([new ProcessCharge(10, "db", "bestEffort", 4), new ProcessCharge(10, "db", "a", 12)], ten.Charged);
        Assert.Equal([new ProcessCharge(99, "db", "b", 33)], sums.Ended(Ids));
        Assert.Equal((4UL, 0UL), (sums.OpenHits(5), sums.OpenHits(6)));
    }

    [Fact]
    public void A_process_number_that_is_used_again_is_another_process()
    {
        StatusSums sums = new(5, [Task(10, 10, vs: 2, open: 5, total: 5)], [], [(new ProcessKey(Started: 0, 10, 3), new ProcessAccount(50, 1, 0))], []);
        Assert.Equal([new ProcessCharge(10, "db", "a", 5)], sums.Live(Ids)[0].Charged);
        Assert.Equal([new ProcessCharge(10, "db", "b", 50)], sums.Ended(Ids));
    }

    private static TaskRecord Task(uint tid, uint pid, uint vs, ulong open, ulong total, uint service = 1, ulong wait = 0) =>
        new() { Tid = tid, Pid = pid, Service = service, VirtualService = vs, Started = 1, CpuOpenNs = open, CpuTotalNs = total, WaitOpenNs = wait };

    private static IdTable MakeIds()
    {
        IdTable ids = new();
        foreach (string name in (string[])["a", "b", "idle", "forgotten", "a-child"]) ids.Id(IdKind.VirtualService, name);
        ids.Id(IdKind.Service, "db");
        return ids;
    }
}
