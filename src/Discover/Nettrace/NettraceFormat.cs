namespace VirtualServices.Discover.Nettrace;

/// <summary>Constants of the nettrace format, version 6 (NetTraceFormat.md of TraceEvent).</summary>
internal static class NettraceFormat
{
    internal const int MajorVersion = 6;
    internal const int StreamHeaderBytes = 20;
    internal const int BlockHeaderBytes = 4;
    internal const int EventBlockHeaderBytes = 20;
    internal const int MaximumBlockBytes = (1 << 24) - 1;
    internal const short CompressedHeaders = 1;

    internal static ReadOnlySpan<byte> Magic => "Nettrace"u8;
}

/// <summary>What a block holds.</summary>
internal enum BlockKind : byte
{
    EndOfStream = 0,
    Trace = 1,
    Event = 2,
    Metadata = 3,
    SequencePoint = 4,
    Stack = 5,
    Thread = 6,
    RemoveThread = 7,
    LabelList = 8,
}

/// <summary>Bits of the first byte of an event with a compressed header: which fields follow instead of being as before.</summary>
[Flags]
internal enum EventFlags : byte
{
    MetadataId = 1,
    CaptureThread = 2,
    Thread = 4,
    Stack = 8,
    Labels = 16,
    Sorted = 64,
    PayloadSize = 128,
}

/// <summary>Kinds of information on a thread.</summary>
internal enum ThreadInfo : byte
{
    Name = 1,
    ProcessId = 2,
    ThreadId = 3,
    KeyValue = 4,
}
