using VirtualServices.Infer.Links;
using VirtualServices.Infer.Turns;

namespace VirtualServices.Infer.Tests;

/// <summary>Requests and calls of one process, made by hand. Times are in ns.</summary>
internal static class LinkNodes
{
    public static RequestNode Request(long arrivalNs, long replyNs = long.MaxValue, int tid = 0) =>
        new(new ConnectionEnd(1), arrivalNs, arrivalNs) { ReplyNs = replyNs, LastNs = replyNs, Tid = tid, Class = 0 };

    public static CallNode Call(long timeNs, long returnNs = long.MaxValue, Prompt prompt = default, int callee = 0, int tid = 0) =>
        new(new ConnectionEnd(2), timeNs, tid) { ReturnNs = returnNs, Prompt = prompt, Callee = callee };

    public static ProcessWindow Window(IEnumerable<RequestNode> requests, IEnumerable<CallNode> calls)
    {
        var window = new ProcessWindow();
        window.Requests.AddRange(requests);
        window.Calls.AddRange(calls);
        window.Prepare();
        return window;
    }
}
