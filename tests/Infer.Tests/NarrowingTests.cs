using CsCheck;
using VirtualServices.Infer.Links;

namespace VirtualServices.Infer.Tests;

public sealed class NarrowingTests
{
    private const int Looked = 17; // 12 that fit, 4 that wait, and the present one

    private static ServiceModel Learnt(Action<ServiceModel> teach)
    {
        var model = new ServiceModel { TickNs = 1 };
        teach(model);
        model.Estimate();
        return model;
    }

    [Fact]
    public void Those_whose_delay_is_usual_the_earliest_that_wait_and_the_present_one_are_looked_at_and_none_is_lost()
    {
        ServiceModel model = Learnt(static model =>
        {
            for (int i = 0; i < 1000; i++) model.SlotOf(0, later: false).AddArrival(1_000_000 + 100 * i, 1);
        });
        RequestNode[] requests = [.. Enumerable.Range(0, 100).Select(i => LinkNodes.Request(1_000_000 * i, 1_000_000_000))];
        CallNode call = LinkNodes.Call(60_050_000);
        ProcessWindow window = LinkNodes.Window(requests, [call]);
        int[] all = window.AllCandidatesOf(call).ToArray();
        Assert.Equal(61, all.Length);
        requests[30].Insert(call);
        new Narrowing(model).Narrow(window);

        int[] looked = window.CandidatesOf(call).ToArray();
        Assert.Equal(Looked, looked.Length);
        Assert.Subset(looked.ToHashSet(), new HashSet<int> { 0, 1, 2, 3, 30, 59 }); // 59 arrived 1.05 ms before
        Assert.Equal(looked.Order(), looked);
        Assert.Equal(all, window.AllCandidatesOf(call).ToArray().Order());
    }

    [Fact]
    public void Requests_that_have_made_such_a_call_no_longer_wait()
    {
        ServiceModel model = Learnt(static model => { });
        RequestNode[] requests = [.. Enumerable.Range(0, 60).Select(i => LinkNodes.Request(i < 10 ? i : 1_000_000 + i, 1_000_000_000))];
        CallNode[] earlier = [.. Enumerable.Range(0, 5).Select(i => LinkNodes.Call(500_000 + i))];
        CallNode call = LinkNodes.Call(1_000_100);
        ProcessWindow window = LinkNodes.Window(requests, [.. earlier, call]);
        for (int i = 0; i < 5; i++) requests[i].Insert(earlier[i]);
        new Narrowing(model).Narrow(window);
        Assert.Subset(window.CandidatesOf(call).ToArray().ToHashSet(), new HashSet<int> { 5, 6, 7, 8 });
    }

    [Fact]
    public void Of_those_that_fit_alike_the_earliest_are_looked_at() => Gen.Int[18, 128].Sample(count =>
    {
        RequestNode[] requests = [.. Enumerable.Range(0, count).Select(_ => LinkNodes.Request(1000, 1_000_000))];
        CallNode call = LinkNodes.Call(5000);
        ProcessWindow window = LinkNodes.Window(requests, [call]);
        new Narrowing(Learnt(static model => { })).Narrow(window);
        Assert.Equal(Enumerable.Range(0, Looked), window.CandidatesOf(call).ToArray());
    });

    [Fact]
    public void Few_candidates_are_all_looked_at()
    {
        RequestNode[] requests = [.. Enumerable.Range(0, Looked).Select(i => LinkNodes.Request(i, 1_000_000))];
        CallNode call = LinkNodes.Call(5000);
        ProcessWindow window = LinkNodes.Window(requests, [call]);
        new Narrowing(Learnt(static model => { })).Narrow(window);
        Assert.Equal(Looked, window.CandidatesOf(call).Length);
    }
}
