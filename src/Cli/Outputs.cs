using VirtualServices.Linux.Files;
using VirtualServices.Model;

namespace VirtualServices.Cli;

/// <summary>Refuses results that would destroy one another, or what they are made of, before anything is read.</summary>
internal static class Outputs
{
    /// <param name="outputs">Options and the paths given with them; null where one was not given.</param>
    /// <param name="inputs">Files that are read.</param>
    /// <exception cref="VsException">Exit code 2: two are the same file, one is an input, or one is no file that can be replaced.</exception>
    public static void Check(IReadOnlyList<(string Option, string? Path)> outputs, IEnumerable<string> inputs)
    {
        HashSet<object> read = [.. inputs.Select(Identity)];
        Dictionary<object, string> written = [];
        foreach ((string option, string? path) in outputs)
        {
            if (path is null) continue;
            if (FileId.Of(path) is { IsRegular: false }) throw new VsException(ExitCode.Usage, $"{option} {path}: is a folder or a device, expected a file or a new name: the result is put in its place as a whole");
            object file = Identity(path);
            if (read.Contains(file)) throw new VsException(ExitCode.Usage, $"{option} {path}: belongs to a session that is read, and would be lost: choose another name");
            if (!written.TryAdd(file, option)) throw new VsException(ExitCode.Usage, $"{option} {path}: is the file of {written[file]}, too: choose another name");
        }
    }

    // A file that is not there yet is known by its folder and name.
    private static object Identity(string path)
    {
        if (FileId.Of(path) is { } file) return file;
        string full = Path.GetFullPath(path), name = Path.GetFileName(full);
        return FileId.Of(Path.GetDirectoryName(full) ?? "/") is { } folder ? (folder, name) : full;
    }
}
