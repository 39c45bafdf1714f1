namespace VirtualServices.Infer.Output;

/// <summary>How sure links and attributions are. The engine says only what an execution model proves and abstains elsewhere, so these are ranks and not yet calibrated parts.</summary>
internal static class Confidence
{
    /// <summary>The same thread received the request and made the call before it began to answer, and never worked on two requests at once.</summary>
    public const double SameThread = 0.99;

    /// <summary>Thread ids are missing, but the process served one connection in its life.</summary>
    public const double OnlyConnection = 0.95;

    /// <summary>The source itself said so.</summary>
    public const double Told = 1;

    /// <summary>The requester is itself a front end: its identity alone decides.</summary>
    public const double FrontEnd = 0.99;

    /// <summary>Carried over links between services.</summary>
    public const double Carried = 0.97;
}
