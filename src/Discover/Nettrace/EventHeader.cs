namespace VirtualServices.Discover.Nettrace;

/// <summary>Header of the event before: each event says only what has changed.</summary>
internal struct EventHeader
{
    internal uint Type;
    internal uint Sequence;
    internal ulong Thread;
    internal ulong TimeNs;
    internal uint Payload;

    /// <summary>Moves on to the next event.</summary>
    internal void Read(ref Fields fields)
    {
        EventFlags flags = (EventFlags)fields.Byte();
        if (flags.HasFlag(EventFlags.MetadataId)) Type = fields.Varuint32();
        Sequence++;
        if (flags.HasFlag(EventFlags.CaptureThread))
        {
            Sequence += fields.Varuint32();
            fields.Varuint(); // capture thread
            fields.Varuint32(); // processor
        }

        if (flags.HasFlag(EventFlags.Thread)) Thread = fields.Varuint();
        if (flags.HasFlag(EventFlags.Stack)) fields.Varuint32();
        TimeNs += fields.Varuint();
        if (flags.HasFlag(EventFlags.Labels)) fields.Varuint32();
        if (flags.HasFlag(EventFlags.PayloadSize)) Payload = fields.Varuint32();
    }
}
