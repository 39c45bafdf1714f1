namespace VirtualServices.Cli.Demo;

/// <summary>One arrangement of the host under comparison, over all its slices.</summary>
/// <param name="Name">Name of the arm.</param>
/// <param name="TargetRate">What the victim asks, per second.</param>
internal sealed record ArmResult(string Name, int TargetRate)
{
    public const string Alone = "alone";
    public const string Cgroups = "cgroups";
    public const string VirtualServices = "virtual-services";

    /// <summary>The tenant that asks at a steady rate.</summary>
    public Measurement Victim { get; } = new();

    /// <summary>The tenant that asks as fast as it is answered; in the same windows.</summary>
    public Measurement Aggressor { get; } = new();

    public double P50 => Victim.Quantile(0.50);

    public double P99 => Victim.Quantile(0.99);
}
