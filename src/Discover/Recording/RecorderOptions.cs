using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording;

/// <summary>What is to be recorded, where to, and for how long.</summary>
/// <param name="Folder">Session folder: must not exist, or be empty.</param>
/// <param name="Services">Services to record; names are unique. Where two choose a process, the first has it.</param>
public sealed record RecorderOptions(string Folder, IReadOnlyList<Service> Services)
{
    /// <summary>Ends the recording; null: it runs until it is cancelled or the command exits.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>Interfaces to capture packets on; none where empty.</summary>
    public IReadOnlyList<PacketInterface> Packets { get; init; } = [];

    /// <summary>Most bytes of payload that are kept of a packet.</summary>
    public int PayloadBytes { get; init; }

    /// <summary>A command to start and record as a service of its own; empty for none.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>How much is recorded.</summary>
    public RecordLevel Level { get; init; }

    /// <summary>Bytes of the rings between kernel and recorder, all processors' together. Each has at least <see cref="EventRings.LeastBytes"/>, whatever this says, unless it is less than that altogether.</summary>
    public int RingBytes { get; init; } = 16 << 20;

    /// <summary>Switches it off and on; null: it is on.</summary>
    internal RecorderSwitch? Switch { get; init; }

    /// <summary>Called about once a second, on the recorder's own thread.</summary>
    public Action<RecordProgress>? Progress { get; init; }

    /// <summary>Called with what is probably not meant.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>Called once when everything that runs is being recorded.</summary>
    public Action? Started { get; init; }
}

/// <summary>How a recording goes.</summary>
/// <param name="Elapsed">Since its start.</param>
/// <param name="Events">Events written so far.</param>
/// <param name="EventsPerSecond">Over the last second.</param>
/// <param name="Lost">Events lost so far.</param>
/// <param name="Bytes">Size of the events' file so far.</param>
/// <param name="Packets">Packets written so far, null where none are recorded.</param>
/// <param name="PacketsLost">Packets lost so far.</param>
public sealed record RecordProgress(TimeSpan Elapsed, long Events, double EventsPerSecond, long Lost, long Bytes, long? Packets = null, long PacketsLost = 0);

/// <summary>A recording that has ended.</summary>
/// <param name="Session">Contents of its <c>session.json</c>.</param>
/// <param name="Events">Events written.</param>
/// <param name="Lost">Events lost, wherever.</param>
/// <param name="Bytes">Size of the events' file.</param>
/// <param name="CommandExitCode">Exit code of the command, null where there was none or it was ended by us.</param>
public sealed record RecordResult(SessionInfo Session, long Events, long Lost, long Bytes, int? CommandExitCode);
