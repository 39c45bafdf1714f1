using System.Buffers.Binary;

namespace VirtualServices.Enforce.Waiting;

/// <summary>Answers to FUSE, as bytes: <c>struct fuse_out_header</c> and what the operation wants (<c>linux/fuse.h</c>, version 7.31).</summary>
internal static class FuseReply
{
    /// <summary>Version that these are of.</summary>
    public const uint Major = 7, Minor = 31;

    private const int HeaderBytes = 16, AttributeBytes = 88;
    private const uint Folder = 0x41ed, Program = 0x81ed; // S_IFDIR and S_IFREG, 0755
    private const uint KeepCache = 2, MostWrite = 1 << 16;
    private const ulong Long = 3600; // s: neither name nor file ever changes

    /// <summary>An answer without anything more, or an error.</summary>
    /// <param name="unique">Of the request.</param>
    /// <param name="error">An errno, or 0.</param>
    public static byte[] Empty(ulong unique, int error = 0) => Begin(unique, error, 0);

    /// <summary>An answer that is data.</summary>
    public static byte[] Data(ulong unique, ReadOnlySpan<byte> data)
    {
        byte[] reply = Begin(unique, 0, data.Length);
        data.CopyTo(reply.AsSpan(HeaderBytes));
        return reply;
    }

    /// <summary>The version that is spoken: <c>struct fuse_init_out</c>.</summary>
    public static byte[] Init(ulong unique)
    {
        byte[] reply = Begin(unique, 0, 64);
        Put(reply, 0, Major);
        Put(reply, 4, Minor);
        Put(reply, 20, MostWrite);
        return reply;
    }

    /// <summary>What a file is: <c>struct fuse_attr_out</c>.</summary>
    /// <param name="unique">Of the request.</param>
    /// <param name="node">The folder (1) or the program.</param>
    /// <param name="size">The program's size, bytes.</param>
    public static byte[] Attributes(ulong unique, ulong node, long size)
    {
        byte[] reply = Begin(unique, 0, 16 + AttributeBytes);
        Put(reply, 0, Long);
        Describe(reply, 16, node, size);
        return reply;
    }

    /// <summary>The program, found by its name: <c>struct fuse_entry_out</c>.</summary>
    public static byte[] Entry(ulong unique, ulong node, long size)
    {
        byte[] reply = Begin(unique, 0, 40 + AttributeBytes);
        Put(reply, 0, node);
        Put(reply, 16, Long);
        Put(reply, 24, Long);
        Describe(reply, 40, node, size);
        return reply;
    }

    /// <summary>It is open: <c>struct fuse_open_out</c>.</summary>
    public static byte[] Opened(ulong unique)
    {
        byte[] reply = Begin(unique, 0, 16);
        Put(reply, 8, KeepCache);
        return reply;
    }

    private static void Describe(byte[] reply, int at, ulong node, long size)
    {
        bool folder = node == WaitingRoom.FolderNode;
        Put(reply, at, node);
        if (!folder) Put(reply, at + 8, (ulong)size);
        Put(reply, at + 60, folder ? Folder : Program);
        Put(reply, at + 64, 1u); // links
    }

    private static byte[] Begin(ulong unique, int error, int bytes)
    {
        byte[] reply = new byte[HeaderBytes + bytes];
        BinaryPrimitives.WriteInt32LittleEndian(reply, reply.Length);
        BinaryPrimitives.WriteInt32LittleEndian(reply.AsSpan(4), -error);
        BinaryPrimitives.WriteUInt64LittleEndian(reply.AsSpan(8), unique);
        return reply;
    }

    private static void Put(byte[] reply, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(reply.AsSpan(HeaderBytes + at), value);

    private static void Put(byte[] reply, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(reply.AsSpan(HeaderBytes + at), value);
}
