namespace VirtualServices.Enforce.Kernel;

/// <summary>What a number stands for in the kernel's maps.</summary>
internal enum IdKind
{
    VirtualService = 1,
    Service = 2,
    Endpoint = 3,
    Gate = 4,
}
