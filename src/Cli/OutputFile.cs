using System.Text;
using VirtualServices.Model;

namespace VirtualServices.Cli;

/// <summary>Writes a result as a whole: readers see the old file or the new one, never a part.</summary>
internal static class OutputFile
{
    /// <exception cref="VsException">Exit code 5 without permission, 1 where the file system fails.</exception>
    public static void Write(string path, Action<TextWriter> write)
    {
        string full = Path.GetFullPath(path);
        if (!Directory.Exists(Path.GetDirectoryName(full))) throw new VsException(ExitCode.Usage, $"cannot write '{path}': the folder {Path.GetDirectoryName(full)} does not exist");
        string part = Path.Combine(Path.GetDirectoryName(full)!, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}");
        try
        {
            // CreateNew never follows a link that somebody placed.
            using (var writer = new StreamWriter(new FileStream(part, FileMode.CreateNew, FileAccess.Write), new UTF8Encoding(false)))
            {
                writer.NewLine = "\n";
                write(writer);
            }

            File.Move(part, full, overwrite: true);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new VsException(ExitCode.Permission, $"cannot write '{path}': {error.Message}", error);
        }
        catch (IOException error)
        {
            throw new VsException(ExitCode.HostLacks, $"cannot write '{path}': {error.Message}", error);
        }
        finally
        {
            File.Delete(part);
        }
    }
}
