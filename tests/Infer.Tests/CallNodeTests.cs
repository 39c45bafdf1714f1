using VirtualServices.Infer.Links;

namespace VirtualServices.Infer.Tests;

public sealed class CallNodeTests
{
    [Theory]
    [InlineData(0.35, true)]
    [InlineData(0.3499, false)]
    public void A_link_that_is_less_sure_than_the_threshold_is_kept_but_not_told(double confidence, bool told)
    {
        RequestNode request = LinkNodes.Request(0);
        CallNode call = LinkNodes.Call(1);
        call.Parent = request;
        call.Confidence = confidence;
        Assert.Same(told ? request : null, call.Told);
        Assert.Same(request, call.Parent);
    }
}
