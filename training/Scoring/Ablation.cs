using VirtualServices.Infer.Links;
using VirtualServices.Training.Learning;

namespace VirtualServices.Training.Scoring;

/// <summary>What of the engine is used: shows what each part is worth.</summary>
internal enum Ablation
{
    /// <summary>All: proofs, statistics, and the model that judges them.</summary>
    Model,

    /// <summary>Proven links only; the engine abstains from all others.</summary>
    Rules,

    /// <summary>No proofs and no model: estimated links, as sure as their margins say.</summary>
    Statistics,
}

/// <summary>Judges as the engine would with a part of it taken away.</summary>
internal static class Ablations
{
    /// <summary>Requests that have to be learnt from before an estimate counts half.</summary>
    private const double Doubt = 5;

    public static bool UsesProofs(this Ablation ablation) => ablation != Ablation.Statistics;

    /// <summary>The example with the confidence that is left.</summary>
    public static Example Judge(this Ablation ablation, in Example example) => ablation switch
    {
        Ablation.Rules => example.Proven ? example : example with { Given = false, Right = false, Confidence = 0 },
        Ablation.Statistics when example.Given => example with { Confidence = ByMargin(example.Features) },
        _ => example,
    };

    /// <summary>The odds of the likeliest explanation against the next, held back while little was learnt.</summary>
    private static double ByMargin(in LinkFeatures features)
    {
        double learnt = Math.Exp(features.Get(Feature.Learnt)) - 1;
        return learnt / (learnt + Doubt) / (1 + Math.Exp(-features.Get(Feature.Margin)));
    }
}
