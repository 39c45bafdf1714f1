using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Linux.Cgroups;

/// <summary>A cgroup hierarchy with the CPU controller: makes groups, sets their shares, tells how to move processes. One implementation for each version of cgroups.</summary>
public abstract class CpuHierarchy
{
    private const int MostAttempts = 200;
    private static readonly TimeSpan AttemptPause = TimeSpan.FromMilliseconds(5);

    /// <summary>Opens a hierarchy.</summary>
    /// <param name="mountPoint">Where it is mounted.</param>
    private protected CpuHierarchy(string mountPoint) => MountPoint = mountPoint;

    /// <summary>Where the hierarchy is mounted.</summary>
    public string MountPoint { get; }

    /// <summary>For messages: <c>cgroup v2</c> or <c>cgroup v1 cpu</c>.</summary>
    public abstract string Name { get; }

    /// <summary>2 or 1.</summary>
    public abstract int Version { get; }

    /// <summary>File of a group that takes thread ids; null where single threads cannot be moved.</summary>
    public abstract string? ThreadsFile { get; }

    /// <summary>File of a group that takes process ids.</summary>
    public static string ProcessesFile => "cgroup.procs";

    /// <summary>Files of a group that hold its weight and its maximum.</summary>
    public abstract IReadOnlyList<string> ShareFiles { get; }

    /// <summary>Folder of a group.</summary>
    /// <param name="group">Path from the hierarchy's root, as /proc/PID/cgroup has it.</param>
    public string Folder(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return Path.Combine(MountPoint, group.TrimStart('/'));
    }

    /// <summary>Makes a group, where it is not there yet, below one that is.</summary>
    public void Create(string group)
    {
        string folder = Folder(group);
        if (Directory.Exists(folder)) return;
        try
        {
            PrepareParent(Path.GetDirectoryName(folder)!);
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failed("make cgroup", folder, error);
        }
    }

    /// <summary>Sets weight and maximum of a group.</summary>
    public abstract void SetShare(string group, CpuShare share);

    /// <summary>Sets weight and maximum of a group that is there already.</summary>
    /// <returns>False where there is no such group, or where the kernel refuses it.</returns>
    public bool TrySetShare(string group, CpuShare share)
    {
        if (!Directory.Exists(Folder(group))) return false;
        try
        {
            SetShare(group, share);
            return true;
        }
        catch (VsException)
        {
            return false;
        }
    }

    /// <summary>Sets the weight of a group alone; its maximum stays.</summary>
    /// <param name="group">The group.</param>
    /// <param name="weight">Weight among siblings, 1..10000; what a share of the same weight sets.</param>
    public void SetWeight(string group, int weight)
    {
        (string file, string text) = WeightSetting(weight);
        Set(group, file, text);
    }

    /// <summary>How a weight is set: the file of a group, and what to write to it.</summary>
    /// <param name="weight">1..10000.</param>
    public abstract (string File, string Text) WeightSetting(int weight);

    /// <summary>Inode of a group, which is its id in the kernel.</summary>
    public ulong Id(string group) => FileIdentity.Inode(Folder(group));

    /// <summary>Processes of a group; empty where it is gone.</summary>
    public IReadOnlyList<int> Processes(string group)
    {
        string file = Path.Combine(Folder(group), ProcessesFile);
        if (!File.Exists(file)) return [];
        try
        {
            return [.. File.ReadLines(file).Select(line => int.Parse(line, CultureInfo.InvariantCulture)).Distinct()];
        }
        catch (IOException)
        {
            return []; // removed meanwhile
        }
    }

    /// <summary>Moves a process with all its threads.</summary>
    /// <returns>False where the process is gone.</returns>
    public bool MoveProcess(string group, int pid)
    {
        const int NoSuchProcess = 3;
        string file = Path.Combine(Folder(group), ProcessesFile);
        try
        {
            Write(file, pid.ToString(CultureInfo.InvariantCulture));
            return true;
        }
        catch (IOException error) when ((error.HResult & 0xffff) == NoSuchProcess || !Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}")))
        {
            return false;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failed($"move process {pid}", file, error);
        }
    }

    /// <summary>Removes a group with all groups below it; they must be empty of processes.</summary>
    public void Remove(string group)
    {
        string folder = Folder(group);
        if (!Directory.Exists(folder)) return;
        foreach (string child in Directory.GetDirectories(folder)) Remove(Path.GetRelativePath(MountPoint, child));
        try
        {
            // A process that is ending is listed no more but is still inside for some milliseconds; cgroup v1 has no event for when it is gone.
            for (int attempt = 0; !FileIdentity.RemoveFolder(folder); attempt++)
            {
                if (attempt >= MostAttempts || Processes(group).Any()) throw new IOException($"{folder}: processes are still in it");
                Thread.Sleep(AttemptPause);
            }
        }
        catch (IOException error)
        {
            throw Failed("remove cgroup", folder, error);
        }
    }

    /// <summary>Groups at and below one, deepest first.</summary>
    public IEnumerable<string> Tree(string group)
    {
        string folder = Folder(group);
        if (!Directory.Exists(folder)) yield break;
        foreach (string child in Directory.GetDirectories(folder))
            foreach (string below in Tree(Path.GetRelativePath(MountPoint, child))) yield return below;
        yield return group;
    }

    /// <summary>Group of a process in this hierarchy; null where the process is gone.</summary>
    public string? GroupOf(int pid)
    {
        try
        {
            foreach (string line in File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cgroup")))
                if (GroupIn(line) is { } group) return group;
            return null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Path in a line of /proc/PID/cgroup, where the line is about this hierarchy.</summary>
    private protected abstract string? GroupIn(string line);

    /// <summary>What must be set before a group can be made in a folder.</summary>
    private protected virtual void PrepareParent(string folder)
    {
    }

    /// <summary>Writes a control file.</summary>
    private protected static void Write(string file, string text)
    {
        // No truncation and no lock: control files know neither.
        using Microsoft.Win32.SafeHandles.SafeFileHandle handle = File.OpenHandle(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        RandomAccess.Write(handle, System.Text.Encoding.ASCII.GetBytes(text), 0);
    }

    /// <summary>Writes a control file of a group, with the way out in the message where that fails.</summary>
    internal void Set(string group, string file, string value)
    {
        string path = Path.Combine(Folder(group), file);
        try
        {
            Write(path, value);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failed($"write '{value}' to", path, error);
        }
    }

    private VsException Failed(string operation, string target, Exception error) =>
        new(error is UnauthorizedAccessException ? ExitCode.Permission : ExitCode.HostLacks, $"{Name}: cannot {operation} {target}: {error.Message}", error);
}
