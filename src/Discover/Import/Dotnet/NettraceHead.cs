using System.Buffers.Binary;
using System.Text;
using VirtualServices.Discover.Nettrace;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Dotnet;

/// <summary>The beginning of a nettrace file: what it is, and its clock. TraceEvent keeps the clock to itself.</summary>
/// <param name="Version">4 or 5: EventPipe of .NET; 6: a Linux collect capture.</param>
/// <param name="UtcNs">UTC at the start, ns since 1970, to the millisecond.</param>
/// <param name="Ticks">The clock at that time.</param>
/// <param name="Frequency">Ticks a second.</param>
internal sealed record NettraceHead(int Version, long UtcNs, long Ticks, long Frequency)
{
    private const int FirstTextAt = 12, FirstObjectAt = 32, ObjectTags = 21, TraceBytes = 48;
    private const long NsPerSecond = 1_000_000_000;
    private static ReadOnlySpan<byte> Serializer => "!FastSerialization.1"u8;

    /// <summary>UTC minus clock, ns.</summary>
    internal long UtcOffsetNs => UtcNs - ToNs(Ticks);

    /// <summary>A time of the file, ns of its host's clock.</summary>
    internal long ToNs(long ticks) => Frequency == NsPerSecond ? ticks : (long)((Int128)ticks * NsPerSecond / Frequency);

    /// <summary>Reads the first block.</summary>
    /// <exception cref="VsException">It is something else.</exception>
    internal static NettraceHead Read(ReadOnlySpan<byte> bytes, string path)
    {
        if (!bytes.StartsWith(NettraceFormat.Magic)) throw VsException.BadInput(path, $"expected a nettrace file: {WhatElse(bytes, path)}");
        try
        {
            Fields fields = new(bytes, NettraceFormat.Magic.Length);
            return fields.UInt32() == 0 ? ReadBlocks(ref fields, path) : ReadObjects(bytes);
        }
        catch (FieldException error)
        {
            throw VsException.BadInput($"{path}@{error.Position}", $"expected the beginning of a nettrace file: {error.Message}", error);
        }
    }

    private static string WhatElse(ReadOnlySpan<byte> bytes, string path)
    {
        if (bytes.Length >= 24 && bytes[4..].StartsWith(Serializer)) return "this is .netperf of .NET Core 2; record it with .NET Core 3.0 or later";
        if (bytes.StartsWith("PK"u8) || bytes.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B])) return "this is compressed, unpack it first";
        return path.EndsWith(".etl", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".etlx", StringComparison.OrdinalIgnoreCase)
            ? "an .etl file is of Windows (ETW) and knows nothing of Linux"
            : "record one with dotnet-trace collect";
    }

    /// <summary>Version 6: blocks.</summary>
    private static NettraceHead ReadBlocks(ref Fields fields, string path)
    {
        int at = fields.Position;
        int version = (int)fields.UInt32();
        if (version != NettraceFormat.MajorVersion) throw new FieldException(at, $"expected version 4, 5 or 6, not {version}");
        fields.UInt32();
        fields.UInt32(); // length and kind of the block
        NettraceHead head = ReadClock(ref fields) with { Version = version };

        // A session names itself in the first pair; what others write there may be longer than what was read.
        if (fields.UInt32() > 0 && fields.String() == EventSchema.VersionKey) throw VsException.BadInput(path, "expected somebody else's recording, this is events.nettrace of a session: give its folder to vs infer");
        return head;
    }

    /// <summary>Version 4 and 5: serialized objects, of which the first is the trace.</summary>
    private static NettraceHead ReadObjects(ReadOnlySpan<byte> bytes)
    {
        Fields text = new(bytes, FirstTextAt);
        if (!text.Take(Serializer.Length).SequenceEqual(Serializer)) throw new FieldException(FirstTextAt, $"expected '{Encoding.ASCII.GetString(Serializer)}'");
        Fields fields = new(bytes, FirstObjectAt);
        ReadOnlySpan<byte> tags = fields.Take(ObjectTags);
        int version = BinaryPrimitives.ReadInt32LittleEndian(tags[3..]);
        if (version is not (4 or 5) || !tags[15..20].SequenceEqual("Trace"u8)) throw new FieldException(FirstObjectAt, $"expected an object Trace of version 4 or 5, not {version}");
        Fields trace = fields.Part(TraceBytes);
        return ReadClock(ref trace) with { Version = version };
    }

    /// <summary>The same in all versions: date and time, ticks, ticks a second, size of a pointer.</summary>
    private static NettraceHead ReadClock(ref Fields fields)
    {
        int at = fields.Position;
        Span<int> parts = stackalloc int[8];
        foreach (ref int part in parts) part = fields.UInt16();
        long ticks = (long)fields.UInt64(), frequency = (long)fields.UInt64();
        fields.UInt32();
        if (frequency is <= 0 or > 1_000_000_000_000 || ticks < 0 || (Int128)ticks * NsPerSecond / frequency > long.MaxValue / 2) throw new FieldException(at, "expected a clock with times of some years");
        try
        {
            DateTime utc = new(parts[0], parts[1], parts[3], parts[4], parts[5], parts[6], parts[7], DateTimeKind.Utc);
            return new NettraceHead(0, checked((utc - DateTime.UnixEpoch).Ticks * 100), ticks, frequency);
        }
        catch (Exception error) when (error is ArgumentOutOfRangeException or OverflowException)
        {
            throw new FieldException(at, "expected the date and time of the start");
        }
    }
}
