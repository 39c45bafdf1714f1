using System.Buffers.Binary;
using System.Text;

namespace VirtualServices.Enforce.Waiting;

/// <summary>Operations of FUSE that one folder with one file meets (<c>enum fuse_opcode</c> in <c>linux/fuse.h</c>).</summary>
internal enum FuseOperation : uint
{
    Lookup = 1,
    Forget = 2,
    GetAttributes = 3,
    Open = 14,
    Read = 15,
    Release = 18,
    GetExtendedAttribute = 22,
    Flush = 25,
    Init = 26,
    OpenFolder = 27,
    ReleaseFolder = 29,
    Interrupt = 36,
    ForgetMany = 42,
}

/// <summary>A request as the kernel's FUSE sends it: <c>struct fuse_in_header</c> and what follows. Numbers are in the machine's order, which is little-endian wherever this program runs.</summary>
internal readonly ref struct FuseMessage
{
    private const int HeaderBytes = 40;
    private readonly ReadOnlySpan<byte> _bytes;

    private FuseMessage(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>What is asked.</summary>
    public FuseOperation Operation => (FuseOperation)Number(4);

    /// <summary>By which it is answered.</summary>
    public ulong Unique => Long(8);

    /// <summary>Of which file.</summary>
    public ulong Node => Long(16);

    /// <summary>The thread that asks, by its number in our namespace of processes; 0 where it is in none of ours.</summary>
    public uint Thread => Number(32);

    private ReadOnlySpan<byte> Body => _bytes[HeaderBytes..];

    /// <summary>Reads a message. False where it is shorter than it says, or than its operation needs: the kernel sends none such.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out FuseMessage message)
    {
        message = default;
        if (bytes.Length < HeaderBytes) return false;
        message = new FuseMessage(bytes);
        return message.Number(0) == bytes.Length && message.Body.Length >= Least(message.Operation);
    }

    /// <summary>Of a read: from where, and how much at most.</summary>
    public (ulong Offset, uint Size) Range => (Long(HeaderBytes + 8), Number(HeaderBytes + 16));

    /// <summary>Of an interrupt: the request that is not waited for any more.</summary>
    public ulong Interrupted => Long(HeaderBytes);

    /// <summary>Name of the file that is looked up, or of the extended attribute.</summary>
    public string Name
    {
        get
        {
            ReadOnlySpan<byte> name = Operation == FuseOperation.GetExtendedAttribute ? Body[8..] : Body;
            int end = name.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? name : name[..end]);
        }
    }

    /// <summary>How much fits where the value of an extended attribute goes; 0: only its size is asked for.</summary>
    public uint ValueRoom => Number(HeaderBytes);

    private static int Least(FuseOperation operation) => operation switch
    {
        FuseOperation.Init or FuseOperation.GetExtendedAttribute or FuseOperation.Interrupt => 8,
        FuseOperation.Read => 20,
        _ => 0,
    };

    private uint Number(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[at..]);

    private ulong Long(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes[at..]);
}
