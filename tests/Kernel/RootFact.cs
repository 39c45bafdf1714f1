using System.Runtime.CompilerServices;

namespace VirtualServices.Kernel.Tests;

/// <summary>A test that needs root and BPF: skipped without root, with the reason; as root it must pass.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RootFactAttribute : FactAttribute
{
    internal const string Reason = "needs root: the kernel lets nobody else load gates";

    public RootFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        if (!Environment.IsPrivilegedProcess) Skip = Reason;
    }
}

/// <summary>As <see cref="RootFactAttribute"/>, with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RootTheoryAttribute : TheoryAttribute
{
    public RootTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        if (!Environment.IsPrivilegedProcess) Skip = RootFactAttribute.Reason;
    }
}
