namespace VirtualServices.Infer.Output;

/// <summary>How sure attributions are that follow from no link: ranks, not calibrated. Of links the confidence model says it.</summary>
internal static class Confidence
{
    /// <summary>The source itself said so.</summary>
    public const double Told = 1;

    /// <summary>The requester is itself a front end: its identity alone decides.</summary>
    public const double FrontEnd = 0.99;

    /// <summary>Carried over links between services.</summary>
    public const double Carried = 0.97;
}
