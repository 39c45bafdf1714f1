using System.Runtime.CompilerServices;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench;

/// <summary>The programs of this bench that are written in C: what they measure or how fast they ask leaves no room for a runtime.</summary>
internal static class CProgram
{
    /// <summary>Compiles one.</summary>
    /// <param name="name">Of its source below the folder of the bench, without .c.</param>
    /// <param name="folder">Where to.</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>Its path.</returns>
    public static async Task<string> CompileAsync(string name, string folder, CancellationToken cancel)
    {
        string program = Path.Combine(folder, name), source = Directory.EnumerateFiles(Path.GetDirectoryName(ThisFile())!, name + ".c", SearchOption.AllDirectories).Single();
        await Child.RunAsync([Tools.Find("clang", "clang"), "-O2", "-pthread", "-Wall", "-Wextra", "-Werror", "-o", program, source], null, cancel);
        return program;
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
