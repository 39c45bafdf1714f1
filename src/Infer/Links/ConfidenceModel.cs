namespace VirtualServices.Infer.Links;

/// <summary>The model that says how sure links are. It is part of this assembly, and read when links are first asked for.</summary>
internal static class ConfidenceModel
{
    /// <summary>Below this the engine abstains.</summary>
    public const double Threshold = 0.35;

    /// <summary>Name under which the model is embedded.</summary>
    internal const string Resource = "confidence.model";

    private static readonly Lazy<BoostedTrees> Trees = new(Load);

    public static BoostedTrees Embedded => Trees.Value;

    private static BoostedTrees Load()
    {
        using var reader = new StreamReader(typeof(ConfidenceModel).Assembly.GetManifestResourceStream(Resource)!);
        return BoostedTrees.Read(reader, Resource);
    }
}
