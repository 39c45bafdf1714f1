using VirtualServices.Infer.Links;

namespace VirtualServices.Infer.Tests;

/// <summary>What a link taught must not speak for the link.</summary>
public sealed class OwnDelayTests
{
    private const int Usual = 100;

    [Fact]
    public void A_delay_that_nobody_else_has_is_as_unlikely_without_itself_as_one_that_was_never_seen()
    {
        DelayDensity others = new(), density = new();
        for (int i = 0; i < Usual; i++)
        {
            others.Add(1000, 1);
            density.Add(1000, 1);
        }

        density.Add(30_000, 1);
        others.Estimate();
        density.Estimate();
        Assert.True(density.Of(30_000) > 10 * others.Of(30_000));
        Assert.Equal(1, density.Without(30_000, 1) / others.Of(30_000), 9);
        Assert.InRange(density.Without(1000, 1) / density.Of(1000), 0.98, 1.01); // the other 99 are still there
    }

    [Fact]
    public void A_link_is_judged_by_the_others_delays_and_another_link_by_all()
    {
        ServiceModel model = new() { TickNs = 1 };
        for (int i = 0; i < Usual; i++) Learn(1_000_000 * i, 1000);
        (RequestNode odd, CallNode call) = Learn(1_000_000 * Usual, 30_000);
        model.Estimate();
        (RequestNode other, CallNode same) = Make(1_000_000 * (Usual + 1), 30_000);
        Assert.True(Timeline.Send(model, other, [], same) > Timeline.Send(model, odd, [], call) + 2);
        Assert.True(Timeline.Reply(model, other, [same]) > Timeline.Reply(model, odd, [call]));

        // With another request it has another delay, and its own is not left out there.
        RequestNode earlier = LinkNodes.Request(odd.ArrivalNs - 29_000, odd.ReplyNs);
        (RequestNode apart, CallNode late) = Make(1_000_000 * (Usual + 2), 59_000);
        Assert.Equal(Timeline.Send(model, apart, [], late), Timeline.Send(model, earlier, [], call));

        (RequestNode, CallNode) Learn(long arrivalNs, long delayNs)
        {
            (RequestNode request, CallNode made) = Make(arrivalNs, delayNs);
            request.Insert(made);
            Timeline.Learn(model, request);
            return (request, made);
        }
    }

    private static (RequestNode, CallNode) Make(long arrivalNs, long delayNs) =>
        (LinkNodes.Request(arrivalNs, arrivalNs + (10 * delayNs)), LinkNodes.Call(arrivalNs + delayNs, arrivalNs + (2 * delayNs)));
}
