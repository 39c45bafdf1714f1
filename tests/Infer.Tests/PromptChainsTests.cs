using VirtualServices.Infer.Links;

namespace VirtualServices.Infer.Tests;

public sealed class PromptChainsTests
{
    private const int Us = 1000;

    /// <summary>Requests of which two are open at a time; each makes a call.</summary>
    /// <param name="pairs">How many pairs.</param>
    /// <param name="strict">Each reply is prompted by the answer to the request's own call; else by the other request, which arrived last.</param>
    /// <param name="tid">The thread, 0 where not told.</param>
    private static ProcessWindow Pairs(int pairs, bool strict, int tid = 1)
    {
        List<RequestNode> requests = [];
        List<CallNode> calls = [];
        for (int i = 0; i < pairs; i++)
        {
            long at = 1000 * Us * (i + 1L);
            RequestNode one = LinkNodes.Request(at, at + 300 * Us, tid), two = LinkNodes.Request(at + 50 * Us, at + 320 * Us, tid);
            CallNode first = LinkNodes.Call(at + 10 * Us, at + 290 * Us, new Prompt(one, null), tid: tid), second = LinkNodes.Call(at + 60 * Us, at + 310 * Us, new Prompt(two, null), tid: tid);
            one.ReplyPrompt = strict ? new Prompt(null, first) : new Prompt(two, null);
            two.ReplyPrompt = strict ? new Prompt(null, second) : new Prompt(one, null);
            requests.AddRange(one, two);
            calls.AddRange(first, second);
        }

        return LinkNodes.Window(requests, calls);
    }

    [Fact]
    public void Where_each_reply_follows_from_its_own_request_calls_go_to_what_prompted_them()
    {
        var chains = new PromptChains();
        ProcessWindow window = Pairs(40, strict: true);
        chains.Guess([window]);
        Assert.Equal((1, 0, true), (chains.Share, chains.Foreign, chains.IsPrompted));
        Assert.All(window.Calls, call => Assert.Same(call.Prompt.Request, call.Parent));
    }

    [Fact]
    public void Where_replies_follow_from_other_requests_nothing_is_guessed()
    {
        var chains = new PromptChains();
        ProcessWindow window = Pairs(40, strict: false);
        chains.Guess([window]);
        Assert.False(chains.IsPrompted);
        Assert.True(chains.Foreign > 1);
        Assert.All(window.Calls, call => Assert.Null(call.Parent));
    }

    [Fact]
    public void A_call_whose_chain_holds_two_requests_is_left_open()
    {
        var chains = new PromptChains();
        ProcessWindow strict = Pairs(60, strict: true), mixed = Pairs(1, strict: true);
        mixed.Requests[1].ReplyPrompt = new Prompt(null, mixed.Calls[0]); // the other request's call
        chains.Guess([strict, mixed]);
        Assert.True(chains.IsPrompted);
        Assert.All(mixed.Calls, call => Assert.Null(call.Parent));
        Assert.All(strict.Calls, call => Assert.NotNull(call.Parent));
    }

    [Fact]
    public void Few_replies_say_nothing_and_those_of_earlier_windows_count_in_part()
    {
        var chains = new PromptChains();
        chains.Guess([Pairs(16, strict: true)]);
        Assert.Equal((0, 1, false), (chains.Share, chains.Foreign, chains.IsPrompted)); // of each pair, the first reply is sent while the other request is open
        chains.Keep(0.5);
        chains.Guess([Pairs(11, strict: true)]);
        Assert.False(chains.IsPrompted); // 8 and 11
        chains.Guess([Pairs(12, strict: true)]);
        Assert.True(chains.IsPrompted); // 8 and 12: the 11 were not kept
        chains.Guess([Pairs(11, strict: true)]);
        Assert.False(chains.IsPrompted);
    }

    [Fact]
    public void Without_threads_it_takes_requests_that_could_have_come_between() =>
        Assert.Multiple(
            () => Assert.True(Prompted(Pairs(2000, strict: true, tid: 0))), // ten microseconds to the reply, a request each half a millisecond: 80 expected, none came
            () => Assert.False(Prompted(Pairs(100, strict: true, tid: 0))));

    private static bool Prompted(ProcessWindow window)
    {
        var chains = new PromptChains();
        chains.Guess([window]);
        return chains.IsPrompted;
    }
}
