namespace VirtualServices.Enforce.Kernel;

/// <summary>What a number stands for in the kernel's maps.</summary>
internal enum IdKind
{
    VirtualService = 1,
    Service = 2,
    Endpoint = 3,
    Gate = 4,

    /// <summary>Not a name: the front doors of the virtual service with this number, as the rules spell them.</summary>
    FrontDoors = 5,

    /// <summary>Not a name: the selectors of the service with this number.</summary>
    Matches = 6,

    /// <summary>A counter, by the names of a virtual service and all above it.</summary>
    Counter = 7,
}
