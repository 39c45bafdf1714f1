using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VirtualServices.Infer.Links;

/// <summary>What speaks for or against a link. The order is the model file's: append, then train anew.</summary>
internal enum Feature
{
    /// <summary>2 the thread that received the request made the call before it began to answer, 1 the process served one connection in its life, 0 no such proof. Links that the source tells are not judged.</summary>
    Proof,

    /// <summary>Share of the process's calls whose thread had no open request: high where work is handed from thread to thread, and proof by thread means little.</summary>
    HandedOver,

    /// <summary>By how much the best other explanation of the same calls is less likely, nats.</summary>
    Margin,

    /// <summary>The same for exchanging or moving this one call only.</summary>
    CallMargin,

    /// <summary>By how much it is less likely that the call works for nobody, nats.</summary>
    NobodyMargin,

    /// <summary>Mean margin of the process's calls to the same callee: how well they can be told apart at all.</summary>
    UsualMargin,

    /// <summary>Log of the number of requests for which it may work.</summary>
    Candidates,

    /// <summary>Log of the number of them that explain it nearly as well.</summary>
    Rivals,

    /// <summary>How much less likely its delay is than the most usual ones, nats.</summary>
    Surprise,

    /// <summary>How unlikely the time of the request's reply is, nats.</summary>
    ReplySurprise,

    /// <summary>Entropy of the delay's distribution, nats.</summary>
    Entropy,

    /// <summary>Log of the number of requests from which the service was learnt.</summary>
    Learnt,

    /// <summary>Log probability of the request's combination of calls.</summary>
    Calls,

    /// <summary>Earlier requests that still waited for a call to this callee when it was sent, log.</summary>
    Overtakes,

    /// <summary>What it costs to overtake at this callee, nats.</summary>
    Order,

    /// <summary>What the call's thread says for the request, nats.</summary>
    Thread,

    /// <summary>Log of the number of candidates whose arrival cannot be told from the request's, as far as the clock goes.</summary>
    Ties,

    /// <summary>Log of the number of the request's calls before this one.</summary>
    Position,

    /// <summary>Mean number of requests open when a call of the process was sent, log.</summary>
    Load,

    /// <summary>Share of the process's calls that are left to nobody.</summary>
    Unexplained,

    /// <summary>1 where it came back after the reply.</summary>
    Late,

    /// <summary>What it says for the request that the call's thread was prompted by it or not, nats.</summary>
    Prompt,

    /// <summary>Share of replies that hang together with their own request and no other.</summary>
    Chains,

    /// <summary>Replies that were sent just after another request arrived, by those that would be by chance.</summary>
    Foreign,
}

/// <summary>Input of the confidence model. Numbers are small and of similar size, so that one model serves services of any speed.</summary>
[InlineArray(Count)]
internal struct LinkFeatures : IEquatable<LinkFeatures>
{
    public const int Count = (int)Feature.Foreign + 1;

    private float _first;

    /// <summary>Names, in the order of the numbers.</summary>
    public static IReadOnlyList<string> Names { get; } = Enum.GetNames<Feature>();

    /// <summary>Takes a number in.</summary>
    public void Set(Feature feature, double value) => this[(int)feature] = (float)value;

    public readonly float Get(Feature feature) => this[(int)feature];

    /// <summary>The same numbers, bit by bit.</summary>
    public readonly bool Equals(LinkFeatures other) => Bytes(in this).SequenceEqual(Bytes(in other));

    public override readonly bool Equals(object? obj) => obj is LinkFeatures other && Equals(other);

    public override readonly int GetHashCode()
    {
        HashCode hash = new();
        hash.AddBytes(Bytes(in this));
        return hash.ToHashCode();
    }

    private static ReadOnlySpan<byte> Bytes(in LinkFeatures features) => MemoryMarshal.AsBytes((ReadOnlySpan<float>)features);
}
