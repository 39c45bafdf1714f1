using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Waiting;

/// <summary>
/// Where calls wait until there is room: a folder with one file that this process serves by FUSE, in a mount namespace of its own. Whoever asks for the file's extended attribute
/// <see cref="Attribute"/> waits until it is answered: with <c>EAGAIN</c> after <see cref="WaitingQueue.MostWait"/>, with <c>EINTR</c> when a signal comes. Once this process is gone, the kernel answers.
/// The file is a program that does nothing until its input ends, and runs as <see cref="Door"/>: a program in the kernel finds the file by that process.
/// </summary>
internal sealed partial class WaitingRoom : IDisposable
{
    /// <summary>Name of the extended attribute.</summary>
    public const string Attribute = "user.virtual-services.room";

    /// <summary>Number of the folder in FUSE: the root's.</summary>
    public const ulong FolderNode = 1;

    private const ulong ProgramNode = 2;
    private const string ProgramName = "door", Idle = "cat";
    private const int WhileSomebodyWaits = 1, WhileNobodyDoes = 100; // ms
    private const int NewMounts = 0x20000; // CLONE_NEWNS
    private const uint NoSetUid = 2, NoDevices = 4, Recursive = 1 << 14, Private = 1 << 18; // sys/mount.h
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly WaitingQueue _queue;
    private readonly Action<string>? _log;
    private readonly SafeFileHandle _program;
    private readonly byte[] _request = new byte[1 << 17]; // at least what FUSE asks of a reader: a page and the largest write
    private readonly byte[] _content = new byte[1 << 17];
    private readonly Thread _server;
    private int _fuse = -1;
    private Process? _door;
    private volatile bool _closes, _ends; // the process of the door may need its program until it has ended

    private WaitingRoom(IRoom room, Action<string>? log)
    {
        _queue = new WaitingQueue(room);
        _log = log;
        string program = ((string[])["/usr/bin", "/bin"]).Select(folder => Path.Combine(folder, Idle)).FirstOrDefault(File.Exists)
            ?? throw new VsException(ExitCode.HostLacks, $"'onLimit: block' needs the program {Idle}: apt-get install coreutils");
        _program = File.OpenHandle(program);
        _server = new Thread(Serve) { IsBackground = true, Name = "waiting room" };
    }

    /// <summary>The process that runs the file.</summary>
    public int Door => _door!.Id;

    /// <summary>Opens it.</summary>
    /// <param name="room">Tells whether there is room.</param>
    /// <param name="log">Told if it cannot go on.</param>
    /// <exception cref="VsException">The host lacks FUSE, or root's rights.</exception>
    public static WaitingRoom Open(IRoom room, Action<string>? log)
    {
        WaitingRoom opened = new(room, log);
        try
        {
            opened.Start();
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _closes = true;
        if (_door is not null)
        {
            try
            {
                _door.StandardInput.Close();
            }
            catch (IOException)
            {
                // It is gone already.
            }

            if (!_door.WaitForExit(Patience)) _door.Kill();
        }

        _ends = true;
        if (_server.IsAlive) _server.Join();
        _door?.Dispose(); // the server's thread looks at it
        Close();
        _program.Dispose();
    }

    // Mounts belong to a thread's namespace: only that of this one has ours, and that of the process which it starts.
    private void Start()
    {
        Exception? failure = null;
        Thread opener = new(() =>
        {
            try
            {
                Mount();
                _server.Start();
                _door = Process.Start(new ProcessStartInfo(Path.Combine(EnforcerLock.Folder, "waiting", ProgramName)) { RedirectStandardInput = true, UseShellExecute = false, WorkingDirectory = "/" });
            }
            catch (Exception error) when (error is VsException or Win32Exception or IOException)
            {
                failure = error;
            }
        })
        { Name = "waiting room opens" };
        opener.Start();
        opener.Join();
        if (failure is VsException) throw failure;
        if (failure is not null || _door is null) throw new VsException(ExitCode.HostLacks, $"the waiting room of 'onLimit: block' does not open: {failure?.Message}", failure!);
    }

    private unsafe void Mount()
    {
        string folder = Path.Combine(EnforcerLock.Folder, "waiting");
        Directory.CreateDirectory(folder);
        fixed (byte* device = "/dev/fuse\0"u8, root = "/\0"u8, none = "none\0"u8, type = "fuse\0"u8, source = "virtual-services\0"u8, target = Encoding.UTF8.GetBytes(folder + '\0'))
        {
            _fuse = LibC.open(device, LibC.O_RDWR | LibC.O_CLOEXEC | LibC.O_NONBLOCK);
            if (_fuse < 0) throw Failed("/dev/fuse cannot be opened: 'modprobe fuse'");
            if (unshare(NewMounts) != 0) throw Failed("a mount namespace cannot be made");
            if (LibC.mount(none, root, none, Recursive | Private, null) != 0) throw Failed("the mounts of a namespace of our own cannot be made private");
            fixed (byte* options = Encoding.UTF8.GetBytes($"fd={_fuse},rootmode=40000,user_id=0,group_id=0,allow_other\0"))
                if (LibC.mount(source, target, type, NoSetUid | NoDevices, options) != 0) throw Failed($"FUSE cannot be mounted at {folder}");
        }
    }

    private static VsException Failed(string what) => new(ExitCode.HostLacks, $"the waiting room of 'onLimit: block' does not open: {what} ({new Win32Exception(LibC.errno).Message})");

    private void Serve()
    {
        string why = "";
        try
        {
            AnswerAll();
        }
        catch (BpfException error)
        {
            why = $" ({error.Message})";
        }

        Close();
        if (!_closes) _log?.Invoke($"the waiting room is closed{why}: calls beyond a limit with 'onLimit: block' go on, and are counted");
    }

    // Who waits still goes on: the kernel answers.
    private void Close()
    {
        if (Interlocked.Exchange(ref _fuse, -1) is >= 0 and var fuse) _ = LibC.close(fuse);
    }

    private unsafe void AnswerAll()
    {
        while (!_ends)
        {
            PollEntry entry = new(_fuse, PollEntry.Readable, 0);
            if (poll(&entry, 1, _queue.Count > 0 ? WhileSomebodyWaits : WhileNobodyDoes) < 0 && Marshal.GetLastPInvokeError() != LibC.EINTR) break;
            if (_queue.Count > 0) _queue.Look(Environment.TickCount64, (ticket, late) => Send(late ? FuseReply.Empty(ticket, LibC.EAGAIN) : FuseReply.Data(ticket, "in"u8)));
            if (entry.Happened == 0)
            {
                if (_door is { HasExited: true }) break; // somebody ended it: nobody finds the file any more
                continue;
            }

            nint bytes;
            fixed (byte* buffer = _request) bytes = (nint)LibC.read(_fuse, buffer, _request.Length);
            if (bytes >= 0 && FuseMessage.TryRead(_request.AsSpan(0, (int)bytes), out FuseMessage message)) Answer(message);
            else if (bytes < 0 && LibC.errno is var error && error != LibC.EINTR && error != LibC.EAGAIN && error != LibC.ENOENT) break; // ENOENT: who asked has gone meanwhile
        }
    }

    private void Answer(FuseMessage message)
    {
        ulong unique = message.Unique;
        switch (message.Operation)
        {
            case FuseOperation.Init:
                Send(FuseReply.Init(unique));
                break;
            case FuseOperation.GetAttributes:
                Send(FuseReply.Attributes(unique, message.Node, RandomAccess.GetLength(_program)));
                break;
            case FuseOperation.Lookup:
                Send(message.Name == ProgramName ? FuseReply.Entry(unique, ProgramNode, RandomAccess.GetLength(_program)) : FuseReply.Empty(unique, LibC.ENOENT));
                break;
            case FuseOperation.Open or FuseOperation.OpenFolder:
                Send(FuseReply.Opened(unique));
                break;
            case FuseOperation.Read:
                (ulong offset, uint size) = message.Range;
                int read = RandomAccess.Read(_program, _content.AsSpan(0, (int)Math.Min(size, _content.Length)), (long)offset);
                Send(FuseReply.Data(unique, _content.AsSpan(0, read)));
                break;
            case FuseOperation.GetExtendedAttribute:
                if (message.Name == Attribute && message.ValueRoom > 0) _queue.Add(unique, message.Thread, Environment.TickCount64);
                else Send(FuseReply.Empty(unique, LibC.ENODATA));
                break;
            case FuseOperation.Interrupt:
                if (_queue.Remove(message.Interrupted)) Send(FuseReply.Empty(message.Interrupted, LibC.EINTR));
                break;
            case FuseOperation.Forget or FuseOperation.ForgetMany:
                break; // has no answer
            case FuseOperation.Release or FuseOperation.ReleaseFolder or FuseOperation.Flush:
                Send(FuseReply.Empty(unique));
                break;
            default:
                Send(FuseReply.Empty(unique, LibC.ENOSYS));
                break;
        }
    }

    // Who is answered may have gone meanwhile: that is no matter.
    private unsafe void Send(byte[] reply)
    {
        fixed (byte* bytes = reply) _ = LibC.write(_fuse, bytes, reply.Length);
    }

    [StructLayout(LayoutKind.Sequential)]
    private record struct PollEntry(int Descriptor, short Wanted, short Happened)
    {
        public const short Readable = 1; // POLLIN
    }

    [LibraryImport("libc")]
    private static partial int unshare(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int poll(PollEntry* entries, nuint count, int timeout);
}
