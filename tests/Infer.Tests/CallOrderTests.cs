using VirtualServices.Infer.Links;

namespace VirtualServices.Infer.Tests;

/// <summary>What it costs that a later request gets its call before an earlier one.</summary>
public sealed class CallOrderTests
{
    private readonly RequestNode _earlier = LinkNodes.Request(1000, 9000), _later = LinkNodes.Request(2000, 9000);
    private readonly CallNode _first = LinkNodes.Call(3000, 4000), _second = LinkNodes.Call(3500, 4500);
    private readonly ServiceModel _model = new() { TickNs = 1 };
    private readonly ProcessWindow _window;

    public CallOrderTests()
    {
        _model.AddOrder(0, 0, 10);
        _model.Estimate();
        _window = LinkNodes.Window([_earlier, _later], [_first, _second]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Overtaking_costs_the_same_however_the_calls_stood_before(bool inOrder)
    {
        (_first.Before, _second.Before) = inOrder ? (_earlier, _later) : (_later, _earlier);
        Assert.True(_model.OrderOf(0) > 1);
        Assert.Equal(0, Cost(_earlier, _later));
        Assert.Equal(_model.OrderOf(0), Cost(_later, _earlier), 9);
    }

    [Fact]
    public void A_call_that_was_nobodys_takes_the_place_of_one_that_becomes_nobodys()
    {
        (_first.Before, _second.Before) = (null, _earlier);
        Assert.Equal(0, Cost(_earlier, null));
        Assert.Equal(0.5 * _model.OrderOf(0), Cost(_later, null), 9); // the other half is seen from the call that is overtaken
    }

    private double Cost(RequestNode first, RequestNode? second)
    {
        var order = new CallOrder(_model, new SolverStorage());
        order.Note(_window, callee: 0);
        return order.Cost(_first, first) + (second is null ? 0 : order.Cost(_second, second));
    }
}
