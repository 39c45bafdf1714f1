namespace VirtualServices.Kernel.Tests;

/// <summary>A host has one enforcement at a time: these tests run one after the other.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Enforcement
{
    public const string Name = "enforcement";
}
