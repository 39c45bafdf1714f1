using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace VirtualServices.Kernel.Tests;

/// <summary>Compiles a C program of the folder programs; clang is there because the BPF programs need it, too.</summary>
internal static class TestProgram
{
    internal static string Compile(string name, string folder, [CallerFilePath] string here = "")
    {
        string output = Path.Combine(folder, name);
        using Process compiler = Process.Start("clang", ["-O1", "-Wall", "-Werror", "-pthread", "-o", output, Path.Combine(Path.GetDirectoryName(here)!, "programs", name + ".c")]);
        compiler.WaitForExit();
        Assert.Equal(0, compiler.ExitCode);
        return output;
    }
}
