namespace VirtualServices.Infer.Links;

/// <summary>What speaks for a link: input of the confidence model. Numbers are small and of similar size, so that one model serves services of any speed.</summary>
internal struct LinkFeatures
{
    /// <summary>By how much the best other explanation of the same calls is less likely, nats, at most 20.</summary>
    public float Margin;

    /// <summary>The same for moving or exchanging this one call only.</summary>
    public float CallMargin;

    /// <summary>Log of the number of requests for which it may work.</summary>
    public float Candidates;

    /// <summary>How much less likely its delay is than the most usual ones, nats, at most 20.</summary>
    public float Surprise;

    /// <summary>The same for the request's reply.</summary>
    public float ReplySurprise;

    /// <summary>Entropy of the delay's distribution, nats.</summary>
    public float Entropy;

    /// <summary>Log of the number of requests from which the service was learnt.</summary>
    public float Learnt;

    /// <summary>Log probability of the request's combination of calls, at least -12.</summary>
    public float Calls;

    /// <summary>Requests that were open in the process when the call was sent, log.</summary>
    public float Open;

    /// <summary>Earlier requests that still waited for a call to this callee when it was sent: 0 where the service works in the order of arrival.</summary>
    public float Overtakes;

    /// <summary>1 the request's own thread, -1 another one, 0 unknown.</summary>
    public float Thread;

    /// <summary>Log of the number of candidates whose arrival cannot be told from the request's, as far as the clock goes.</summary>
    public float Ties;

    public const int Count = 12;

    public static readonly string[] Names = ["margin", "callMargin", "candidates", "surprise", "replySurprise", "entropy", "learnt", "calls", "open", "overtakes", "thread", "ties"];

    public readonly float this[int index] => index switch
    {
        0 => Margin,
        1 => CallMargin,
        2 => Candidates,
        3 => Surprise,
        4 => ReplySurprise,
        5 => Entropy,
        6 => Learnt,
        7 => Calls,
        8 => Open,
        9 => Overtakes,
        10 => Thread,
        11 => Ties,
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };
}
