using System.Buffers;
using System.Globalization;
using System.Text;
using Tmds.Linux;

namespace VirtualServices.Linux.Processes;

/// <summary>Reads files of /proc. A process may end between any two reads: then there is nothing to read, which is no error.</summary>
internal static unsafe class Procfs
{
    private const int MaximumFileBytes = 1 << 20;

    /// <summary>Reads a small file of a process whole.</summary>
    /// <returns>Null where the process is gone or the file may not be read.</returns>
    internal static string? ReadText(int pid, string file)
    {
        byte[]? bytes = ReadBytes(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/{file}"));
        return bytes is null ? null : Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Target of a symbolic link of a process; null where it is gone, may not be read, or (kernel threads) has none.</summary>
    internal static string? ReadLink(string path)
    {
        byte* buffer = stackalloc byte[4096];
        Span<byte> name = stackalloc byte[256];
        if (!TryEncode(path, name)) return null;
        fixed (byte* pointer = name)
        {
            long length = LibC.readlink(pointer, buffer, 4096);
            return length < 0 ? null : Encoding.UTF8.GetString(buffer, (int)length);
        }
    }

    /// <summary>Names of a folder that are numbers, such as processes, threads or descriptors; empty where it is gone.</summary>
    internal static List<int> Numbers(string folder)
    {
        List<int> numbers = [];
        try
        {
            foreach (string entry in Directory.EnumerateFileSystemEntries(folder))
                if (int.TryParse(Path.GetFileName(entry.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out int number)) numbers.Add(number);
        }
        catch (IOException)
        {
            // The process ended: what was read so far is what there was.
        }
        catch (UnauthorizedAccessException)
        {
            // A process of somebody else, read without root.
        }

        return numbers;
    }

    private static bool TryEncode(string path, Span<byte> buffer)
    {
        if (Encoding.UTF8.GetByteCount(path) >= buffer.Length) return false;
        int length = Encoding.UTF8.GetBytes(path, buffer);
        buffer[length] = 0;
        return true;
    }

    private static byte[]? ReadBytes(string path)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(8192);
        try
        {
            // Files of /proc say that they are empty: read until the end, whatever the length.
            using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(path);
            int length = 0;
            while (length < MaximumFileBytes)
            {
                if (length == buffer.Length)
                {
                    byte[] larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                    buffer.AsSpan(0, length).CopyTo(larger);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }

                int read = RandomAccess.Read(file, buffer.AsSpan(length), length);
                if (read == 0) break;
                length += read;
            }

            return buffer.AsSpan(0, length).ToArray();
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
