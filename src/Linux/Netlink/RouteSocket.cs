using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using VirtualServices.Model;

namespace VirtualServices.Linux.Netlink;

/// <summary>
/// A socket to the kernel's network configuration (rtnetlink(7)). It stays in the network namespace of the thread that opened it, whichever thread uses it later.
/// One request at a time; not for several threads at once.
/// </summary>
public sealed unsafe partial class RouteSocket : IDisposable
{
    internal const ushort FlagAcknowledge = 4, FlagDump = 0x300, FlagReplace = 0x100, FlagExclusive = 0x200, FlagCreate = 0x400;

    private const ushort MessageError = 2, MessageDone = 3;
    private const ushort FlagDumpInterrupted = 0x10, FlagCapped = 0x100, FlagExtended = 0x200;
    private const int AddressFamilyNetlink = 16, RawSocket = 3, CloseOnExec = 0x80000, NetlinkLevel = 270;
    private const int Interrupted = 4, NoBufferSpace = 105, TryAgain = 11;

    private readonly SafeFileHandle _fd;
    private readonly byte[] _buffer = new byte[64 * 1024];
    private uint _sequence;

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <param name="groups">Multicast groups whose news it gets; 0 for requests.</param>
    public RouteSocket(uint groups = 0)
    {
        int fd = LibC.socket(AddressFamilyNetlink, RawSocket | CloseOnExec, 0);
        if (fd < 0) throw Failed("open");
        _fd = new SafeFileHandle(fd, ownsHandle: true);
        const int CapAcknowledge = 10, ExtendedAcknowledge = 11;
        int yes = 1;
        // Both need Linux 4.12; without them only the kernel's words are missing.
        _ = LibC.setsockopt(fd, NetlinkLevel, CapAcknowledge, &yes, sizeof(int));
        _ = LibC.setsockopt(fd, NetlinkLevel, ExtendedAcknowledge, &yes, sizeof(int));
        if (groups == 0) return;
        SocketAddress address = new() { Family = AddressFamilyNetlink, Groups = groups };
        if (LibC.bind(fd, (sockaddr*)&address, sizeof(SocketAddress)) != 0) throw Failed("subscribe to");
    }

    internal delegate void Reader(ReadOnlySpan<byte> body);

    /// <summary>Descriptor, to wait for news.</summary>
    internal int Descriptor => (int)_fd.DangerousGetHandle();

    /// <summary>Sends a request that changes something, and waits until the kernel has done it.</summary>
    /// <param name="message">The request.</param>
    /// <param name="operation">For the message of the exception: "add class 1:2 to eth0".</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    internal void Do(NetlinkMessage message, string operation) => Exchange(message, operation, null);

    /// <summary>Asks for a list; asks again where it changed while the kernel wrote it.</summary>
    internal void Dump(NetlinkMessage message, string operation, Action restart, Reader read)
    {
        const int MostTries = 8;
        for (int i = 1; ; i++)
        {
            restart();
            if (Exchange(message, operation, read) || i == MostTries) return;
        }
    }

    /// <summary>Takes the news that have come without waiting.</summary>
    /// <returns>True where there was something, or so much that the kernel dropped some: then look at everything.</returns>
    internal bool DrainNews()
    {
        const int DontWait = 0x40;
        bool any = false;
        fixed (byte* bytes = _buffer)
        {
            while (true)
            {
                if (LibC.recv(Descriptor, bytes, _buffer.Length, DontWait) > 0) any = true;
                else if (LibC.errno == NoBufferSpace) any = true;
                else if (LibC.errno != Interrupted) return any;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    private bool Exchange(NetlinkMessage message, string operation, Reader? read)
    {
        uint sequence = ++_sequence;
        ReadOnlySpan<byte> request = message.Finish(sequence);
        fixed (byte* bytes = request)
            if (LibC.send(Descriptor, bytes, request.Length, 0) != request.Length) throw Failed("send to");
        bool whole = true;
        while (true)
        {
            ReadOnlySpan<byte> rest = _buffer.AsSpan(0, Receive());
            while (rest.Length >= NetlinkMessage.HeaderBytes)
            {
                int size = BinaryPrimitives.ReadInt32LittleEndian(rest);
                if (size < NetlinkMessage.HeaderBytes || size > rest.Length) break;
                ushort type = BinaryPrimitives.ReadUInt16LittleEndian(rest[4..]), flags = BinaryPrimitives.ReadUInt16LittleEndian(rest[6..]);
                if (BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]) == sequence)
                {
                    whole &= (flags & FlagDumpInterrupted) == 0;
                    ReadOnlySpan<byte> body = rest[NetlinkMessage.HeaderBytes..size];
                    if (type is MessageError or MessageDone)
                    {
                        int errno = -NetlinkAttributes.Read<int>(body);
                        if (errno > 0) throw new NetlinkException(operation, errno, Words(body, flags, type));
                        return whole;
                    }

                    read?.Invoke(body);
                }

                rest = rest[Math.Min((size + 3) & ~3, rest.Length)..];
            }
        }
    }

    // errno, then the header of the request (all of the request where the answer is not capped), then attributes.
    private static string Words(ReadOnlySpan<byte> body, ushort flags, ushort type)
    {
        const int Message = 1;
        if ((flags & FlagExtended) == 0 || body.Length < 4) return "";
        int at = 4;
        if (type == MessageError && body.Length >= 20) at += (flags & FlagCapped) != 0 ? NetlinkMessage.HeaderBytes : (BinaryPrimitives.ReadInt32LittleEndian(body[4..]) + 3) & ~3;
        return at <= body.Length ? NetlinkAttributes.Text(NetlinkAttributes.Find(body[at..], Message)) : "";
    }

    private int Receive()
    {
        fixed (byte* bytes = _buffer)
        {
            while (true)
            {
                long length = LibC.recv(Descriptor, bytes, _buffer.Length, 0);
                if (length > 0) return (int)length;
                if (LibC.errno is not (Interrupted or TryAgain)) throw Failed("receive from");
            }
        }
    }

    private static VsException Failed(string operation) =>
        new(ExitCode.HostLacks, $"cannot {operation} the kernel's network configuration (rtnetlink): {Marshal.GetPInvokeErrorMessage(LibC.errno)}");

    [StructLayout(LayoutKind.Sequential)]
    private struct SocketAddress
    {
        public ushort Family;
        public ushort Pad;
        public uint Port;
        public uint Groups;
    }
}
