using VirtualServices.Infer.Inventory;

namespace VirtualServices.Infer.Statistics;

/// <summary>Counters of one service while a session is read: plain fields, because records would be copied at each event.</summary>
internal sealed class ServiceTally(Party party)
{
    public Party Party { get; } = party;

    public ServiceStatistics Statistics { get; } = new(party.Key, party.Name);

    /// <summary>Where the process that ended last was summed up, and what is known of it.</summary>
    public ProfileStatistics? LastProfile { get; set; }

    public ProcessNotes? LastNotes { get; set; }

    public long BytesIn { get; set; }

    public long BytesOut { get; set; }

    public long Connections { get; set; }

    public long ForkedForIt { get; set; }

    public long HeldByOwnProcess { get; set; }

    public long ServedByAcceptor { get; set; }

    public long SharedByProcesses { get; set; }

    public long HandoverUnseen { get; set; }

    public long Processes { get; set; }

    public long OneConnection { get; set; }

    public long Sequential { get; set; }

    public long Concurrent { get; set; }

    public long OwnThread { get; set; }

    public long InterleavedThread { get; set; }

    public long SeveralThreads { get; set; }

    public ServiceStatistics Finish()
    {
        Statistics.BytesIn = BytesIn;
        Statistics.BytesOut = BytesOut;
        Statistics.Model = new ModelEvidence
        {
            Connections = Connections,
            ForkedForIt = ForkedForIt,
            HeldByOwnProcess = HeldByOwnProcess,
            ServedByAcceptor = ServedByAcceptor,
            SharedByProcesses = SharedByProcesses,
            HandoverUnseen = HandoverUnseen,
            Processes = Processes,
            OneConnection = OneConnection,
            Sequential = Sequential,
            Concurrent = Concurrent,
            OwnThread = OwnThread,
            InterleavedThread = InterleavedThread,
            SeveralThreads = SeveralThreads,
        };
        return Statistics;
    }
}
