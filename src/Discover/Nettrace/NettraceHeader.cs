using System.Buffers.Binary;
using System.Globalization;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Nettrace;

/// <summary>Writes what stands before the events: stream header, trace block, metadata.</summary>
internal static class NettraceHeader
{
    internal static void Write(Stream stream, SessionClock clock)
    {
        Span<byte> header = stackalloc byte[NettraceFormat.StreamHeaderBytes];
        header.Clear();
        NettraceFormat.Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], NettraceFormat.MajorVersion);
        stream.Write(header);
        stream.Write(Trace(clock).Finish());
        stream.Write(Metadata().Finish());
    }

    private static BlockBuffer Trace(SessionClock clock)
    {
        BlockBuffer block = new(BlockKind.Trace, 256);
        DateTime start = DateTime.UnixEpoch.AddTicks((clock.StartNs + clock.UtcOffsetNs) / 100);
        foreach (int part in (ReadOnlySpan<int>)[start.Year, start.Month, (int)start.DayOfWeek, start.Day, start.Hour, start.Minute, start.Second, start.Millisecond]) block.UInt16((ushort)part);
        block.UInt64((ulong)clock.StartNs);
        block.UInt64(1_000_000_000);
        block.UInt32(8);

        (string Key, string Value)[] pairs =
        [
            (EventSchema.VersionKey, SessionInfo.CurrentFormatVersion.ToString(CultureInfo.InvariantCulture)),
            (EventSchema.UtcOffsetKey, clock.UtcOffsetNs.ToString(CultureInfo.InvariantCulture)),
            ("HardwareThreadCount", Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)),
        ];
        block.UInt32((uint)pairs.Length);
        foreach ((string key, string value) in pairs)
        {
            block.String(key);
            block.String(value);
        }

        return block;
    }

    private static BlockBuffer Metadata()
    {
        const byte Description = 5, Level = 8;
        BlockBuffer block = new(BlockKind.Metadata, 4096);
        block.UInt16(0); // no header
        foreach (EventType type in EventSchema.Types)
        {
            int row = block.BeginSized();
            block.Varuint((ulong)type.Id);
            block.String(EventSchema.Provider);
            block.Varuint((ulong)type.Id);
            block.String(type.Name);
            block.UInt16((ushort)type.Fields.Count);
            foreach (EventField field in type.Fields)
            {
                int start = block.BeginSized();
                block.String(field.Name);
                block.Byte((byte)field.Type);
                block.EndSized(start);
            }

            int optional = block.BeginSized();
            block.Byte(Description);
            block.String(type.Description);
            block.Byte(Level);
            block.Byte(4); // informational
            block.EndSized(optional);
            block.EndSized(row);
        }

        return block;
    }
}
