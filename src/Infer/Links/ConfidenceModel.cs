namespace VirtualServices.Infer.Links;

/// <summary>Confidence of a link from its features.</summary>
internal static class ConfidenceModel
{
    /// <summary>Below this the engine abstains.</summary>
    public const double Threshold = 0.5;

    public static double Of(in LinkFeatures features) => 1 / (1 + Math.Exp(-0.7 * features.Margin - 0.3));
}
