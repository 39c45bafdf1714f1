namespace VirtualServices.Cli.Demo;

/// <summary>What the aggressor keeps of its rate under cgroups alone when virtual services are enforced; 1 is all of it.</summary>
/// <param name="AtEqualSpeed">Each window's rate divided by the speed of the machine in it (<see cref="MachineSpeed"/>): what is judged.</param>
/// <param name="Raw">As measured. The arms' windows come one after the other, so it tells as much of the machine's speed in each of them as of the arms.</param>
internal sealed record AggressorKeeps(double AtEqualSpeed, double Raw)
{
    /// <summary>Compares two arms.</summary>
    public static AggressorKeeps Of(ArmResult cgroups, ArmResult virtualServices) => new(
        virtualServices.Aggressor.RateAtEqualSpeed / cgroups.Aggressor.RateAtEqualSpeed,
        virtualServices.Aggressor.Rate / cgroups.Aggressor.Rate);
}
