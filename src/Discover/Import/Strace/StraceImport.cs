using System.Security.Cryptography;
using VirtualServices.Discover.Import.Calls;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Strace;

/// <summary>Makes a session of strace output, best of <c>strace -f -ttt -yy -T</c>; every other combination of options says less and is read all the same.</summary>
public static class StraceImport
{
    private const int TellEvery = 1 << 14;

    /// <summary>Reads one file of several threads (-f), or one file per thread (-ff), and writes a session folder. On an error nothing is left behind.</summary>
    /// <param name="paths">At least one; <c>-</c> is standard input.</param>
    /// <param name="folder">Folder to make.</param>
    /// <param name="progress">Called now and then with the events written.</param>
    /// <param name="cancel">Ends it; nothing is left behind.</param>
    /// <exception cref="VsException">A file is no strace output (exit code 3), or the folder cannot be made.</exception>
    public static ImportResult Run(IReadOnlyList<string> paths, string folder, Action<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(paths);
        List<StraceFile> files = [];
        try
        {
            foreach (string path in paths) files.Add(StraceFile.Open(path, files.Count));
            return Run(files, folder, progress, cancel);
        }
        finally
        {
            foreach (StraceFile file in files) file.Dispose();
        }
    }

    internal static ImportResult Run(IReadOnlyList<StraceFile> files, string folder, Action<long>? progress, CancellationToken cancel)
    {
        using SessionBuilder builder = new(folder, "import-strace", [.. files.Select(file => file.Name)]);
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        CallTranslator translator = new(builder.Add, builder.Unused);
        StraceTrace trace = new(translator, builder.Unused);
        PriorityQueue<StraceFile, (long, int)> next = new();
        foreach (StraceFile file in files)
        {
            if (file.MoveNext(digest, builder.Unused)) next.Enqueue(file, (file.EffectNs, file.Order));
        }

        for (long lines = 0; next.Count > 0; lines++)
        {
            StraceFile file = next.Peek();
            try
            {
                trace.Take(file.Tid, file.TimeNs, file.Text);
            }
            catch (FieldError error)
            {
                throw file.Bad(error.Message, error);
            }

            if (lines % TellEvery == 0)
            {
                cancel.ThrowIfCancellationRequested();
                progress?.Invoke(builder.Events);
            }

            if (!file.MoveNext(digest, builder.Unused)) next.Dequeue();
            else if (files.Count > 1) next.DequeueEnqueue(file, (file.EffectNs, file.Order));
        }

        trace.Complete();
        if (files.Any(file => file.Coarse)) builder.Unused.Add("files without times below a second (strace -ttt has them)", files.Count(file => file.Coarse));
        return builder.Complete(digest);
    }
}
