using System.Buffers.Text;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Cgroups;

namespace VirtualServices.Enforce.Moving;

/// <summary>The files of the groups that take ids, held open: a move is one write and no allocation.</summary>
internal sealed unsafe partial class GroupFiles : IDisposable
{
    private readonly SafeFileHandle?[] _processes;
    private readonly SafeFileHandle?[] _threads;
    private readonly SafeFileHandle _takers;

    /// <summary>Opens the files of all groups of the tree.</summary>
    public GroupFiles(GroupTree tree)
    {
        uint highest = tree.VirtualServices.Max();
        _processes = new SafeFileHandle[highest + 1];
        _threads = new SafeFileHandle[highest + 1];
        _takers = Open(Path.Combine(tree.Hierarchy.Folder(tree.LeafOf(IdTable.Takers).Path), CpuHierarchy.ProcessesFile));
        foreach (uint id in tree.VirtualServices)
        {
            string folder = tree.Hierarchy.Folder(tree.LeafOf(id).Path);
            _processes[id] = Open(Path.Combine(folder, CpuHierarchy.ProcessesFile));
            if (tree.Hierarchy.ThreadsFile is { } threads) _threads[id] = Open(Path.Combine(folder, threads));
        }
    }

    /// <summary>Moves a process, or one thread.</summary>
    /// <returns>0, or a positive errno.</returns>
    public int Move(uint virtualService, uint id, bool thread)
    {
        SafeFileHandle?[] files = thread ? _threads : _processes;
        SafeFileHandle? file = virtualService < files.Length ? files[virtualService] : null;
        if (virtualService == IdTable.Takers && !thread) file = _takers;
        file ??= files[IdTable.BestEffort];
        if (file is null) return 22; // EINVAL: threads do not move here; the rule compiler refuses such gates
        byte* text = stackalloc byte[16];
        Utf8Formatter.TryFormat(id, new Span<byte>(text, 16), out int length);
        return write((int)file.DangerousGetHandle(), text, (nuint)length) < 0 ? Marshal.GetLastPInvokeError() : 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _takers.Dispose();
        foreach (SafeFileHandle? file in _processes) file?.Dispose();
        foreach (SafeFileHandle? file in _threads) file?.Dispose();
    }

    private static SafeFileHandle Open(string path) => File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int fd, byte* buffer, nuint length);
}
