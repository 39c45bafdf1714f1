using System.Runtime.CompilerServices;

namespace VirtualServices.Kernel.Tests;

/// <summary>A test that needs root and BPF: skipped without root, with the reason; as root it must pass.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RootFactAttribute : FactAttribute
{
    public RootFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        if (Environment.UserName != "root") Skip = "needs root: the kernel lets nobody else load gates";
    }
}
