namespace VirtualServices.Infer.Links;

/// <summary>Confidence of a link from its features.</summary>
/// <remarks>A logistic function of the margin, held back while little was learnt of the service: by Laplace's reasoning, what was seen n times may be wrong once in about n.</remarks>
internal static class ConfidenceModel
{
    /// <summary>Below this the engine abstains.</summary>
    public const double Threshold = 0.5;

    private const double Slope = 0.7, Start = 0.3;

    /// <summary>With fewer lessons than this the engine says nothing.</summary>
    private const double Doubt = 5;

    public static double Of(in LinkFeatures features)
    {
        double learnt = Math.Exp(features.Learnt) - 1;
        return learnt / (learnt + Doubt) / (1 + Math.Exp(-Slope * features.Margin - Start));
    }
}
