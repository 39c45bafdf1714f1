using VirtualServices.Enforce.Kernel;

namespace VirtualServices.Enforce.Limits;

/// <summary>What is counted now, as the queues ask for it.</summary>
internal interface ILimitRoom
{
    /// <summary>How many more there may be; below 0 where there are more than allowed, <see cref="long.MaxValue"/> where the present rules set no limit.</summary>
    long Left(uint counter, CountKind kind);

    /// <summary>The counter of the parent, 0 where there is none.</summary>
    uint Above(uint counter);
}
