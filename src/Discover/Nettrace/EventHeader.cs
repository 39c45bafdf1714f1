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
        if ((flags & EventFlags.MetadataId) != 0) Type = fields.Varuint32();
        Sequence++;
        if ((flags & EventFlags.CaptureThread) != 0)
        {
            Sequence += fields.Varuint32();
            fields.Varuint(); // capture thread
            fields.Varuint32(); // processor
        }

        if ((flags & EventFlags.Thread) != 0) Thread = fields.Varuint();
        if ((flags & EventFlags.Stack) != 0) fields.Varuint32();
        TimeNs += fields.Varuint();
        if ((flags & EventFlags.Labels) != 0) fields.Varuint32();
        if ((flags & EventFlags.PayloadSize) != 0) Payload = fields.Varuint32();
    }
}
