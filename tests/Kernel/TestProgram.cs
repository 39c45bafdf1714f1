using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace VirtualServices.Kernel.Tests;

/// <summary>Compiles a C program of the folder programs; clang is there because the BPF programs need it, too.</summary>
internal static class TestProgram
{
    internal static string Compile(string name, string folder, bool library = false, [CallerFilePath] string here = "")
    {
        string output = Path.Combine(folder, name);
        string[] shared = library ? ["-shared", "-fPIC"] : [];
        using Process compiler = Process.Start("clang", ["-O1", "-Wall", "-Werror", "-pthread", .. shared, "-o", output, Path.Combine(Path.GetDirectoryName(here)!, "programs", name + ".c")]);
        compiler.WaitForExit();
        Assert.Equal(0, compiler.ExitCode);
        return output;
    }
}
