namespace VirtualServices.Model;

/// <summary>Contents of a rule file.</summary>
/// <param name="VirtualServices">All, <see cref="VirtualService.BestEffort"/> included, in file order.</param>
/// <param name="Services">Shared services that gates refer to.</param>
/// <param name="Gates">Gate rules in file order.</param>
public sealed record RuleSet(
    IReadOnlyList<VirtualService> VirtualServices,
    IReadOnlyList<Service> Services,
    IReadOnlyList<Gate> Gates)
{
    /// <summary>Devices that are governed; the first that matches a device counts.</summary>
    public IReadOnlyList<GovernedDevice> Devices { get; init; } = [];

    /// <summary>Version of the rule file format that this program reads and writes.</summary>
    public const int FormatVersion = 1;
}
