using System.Globalization;
using CsCheck;
using Microsoft.Diagnostics.Tracing;
using Microsoft.Diagnostics.Tracing.Etlx;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Tests;

/// <summary>What we write must be what others read: TraceEvent is the format's own library.</summary>
public sealed class TraceEventOracleTests
{
    [Fact]
    public void TraceEvent_reads_every_event_with_its_fields() => Sample.Events.Sample(
        events =>
        {
            using EventPipeEventSource source = new(new MemoryStream(Sample.Write(events)));
            List<SessionEvent> read = [];
            source.Dynamic.All += e =>
            {
                if (e.EventName == "End") return;
                Assert.Equal("VirtualServices", e.ProviderName);
                bool datagram = e.EventName is "ReceiveFrom" or "SendTo", pair = e.EventName is "Fork" or "Wake";
                read.Add(new SessionEvent
                {
                    Call = Enum.Parse<CallKind>(datagram ? e.EventName[..^(e.EventName == "SendTo" ? 2 : 4)] : e.EventName),
                    Pid = e.ProcessID,
                    Tid = e.ThreadID,
                    TimeNs = TimeOf(e) - (long)Unsigned(e, "SinceEnter"),
                    DurationNs = (uint)Unsigned(e, "Duration"),
                    CpuNs = Unsigned(e, "Cpu"),
                    Socket = ulong.RotateRight(Unsigned(e, "Socket"), 1),
                    Result = (int)Signed(e, "Result"),
                    Fd = (int)Signed(e, "Fd"),
                    Child = pair ? (int)Signed(e, "Child") : 0,
                    ChildPid = pair ? (int)Signed(e, "ChildPid") : 0,
                    PeerHigh = datagram ? Unsigned(e, "PeerHigh") : 0,
                    PeerLow = datagram ? Unsigned(e, "PeerLow") : 0,
                    PeerPort = datagram ? (ushort)Unsigned(e, "PeerPort") : (ushort)0,
                });
            };
            source.Process();
            Assert.Equal(events, read);
            Assert.Equal(0, source.EventsLost);
        },
        iter: 50,
        threads: 1);

    [Fact]
    public void TraceEvent_counts_what_was_lost()
    {
        using EventPipeEventSource source = new(new MemoryStream(Sample.Write(Sample.Small(), before: (writer, index) => writer.Lost(index == 4 ? 9 : 0))));
        source.Process();
        Assert.Equal(9, source.EventsLost);
    }

    [Fact]
    public void TraceLog_converts_a_session()
    {
        string folder = Directory.CreateTempSubdirectory("vs-tracelog").FullName;
        try
        {
            string file = Path.Combine(folder, "events.nettrace");
            File.WriteAllBytes(file, Sample.Write(Sample.Small()));
            using TraceLog log = new(TraceLog.CreateFromEventPipeDataFile(file));
            Assert.Equal(Sample.Small().Length + 1, log.Events.Count(e => e.ProviderName == "VirtualServices"));
            TraceEvent described = log.Events.Single(e => e.EventName == "Describe");
            Assert.Equal("127.0.0.1:5432", described.PayloadByName("Local"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static ulong Unsigned(TraceEvent e, string field) => Convert.ToUInt64(e.PayloadByName(field), CultureInfo.InvariantCulture);

    private static long Signed(TraceEvent e, string field) => Convert.ToInt64(e.PayloadByName(field), CultureInfo.InvariantCulture);

    // Only the raw ticks are exact to the nanosecond; the library discourages them because elsewhere their unit varies.
#pragma warning disable CS0618
    private static long TimeOf(TraceEvent e) => e.TimeStampQPC;
#pragma warning restore CS0618
}
