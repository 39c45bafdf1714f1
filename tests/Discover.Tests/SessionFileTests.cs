using CsCheck;
using VirtualServices.Discover.Nettrace;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Tests;

public sealed class SessionFileTests
{
    [Fact]
    public void What_is_written_is_read_again() => Sample.Events.Sample(
        events =>
        {
            List<SessionEvent> read = Sample.ReadAll(Sample.Write(events), out SessionReader reader);
            Assert.False(reader.Truncated);
            Assert.Equal(0, reader.Lost);
            // The window is larger than the sample: the order is by effect, stable.
            Assert.Equal(events.OrderBy(e => ReorderWindow.KeyOf(in e)), read);
        },
        iter: 300);

    [Fact]
    public void Descriptions_come_with_their_events()
    {
        List<SessionEvent> read = Sample.ReadAll(Sample.Write(Sample.Small()), out SessionReader reader);
        SessionEvent described = Assert.Single(read, e => e.Call == CallKind.Describe);
        Assert.Equal(Sample.Describe(described.Socket, SocketRole.Server), reader.Descriptions[described.Child]);
    }

    [Fact]
    public void Long_names_of_a_description_are_cut_and_what_follows_is_read()
    {
        const int Most = 256;
        const ulong Socket = 500;
        SocketDescription Named(int length) => Sample.Describe(Socket, SocketRole.Server) with { Connection = new string('c', length), Host = new string('h', length) };
        SessionEvent told = new() { Call = CallKind.Describe, Pid = 10, Tid = 10, TimeNs = Sample.StartNs, Socket = Socket };
        byte[] file = Sample.Write(Sample.Small(), before: (writer, index) =>
        {
            if (index == 0) writer.WriteDescription(in told, Named(Most + 50));
        });
        List<SessionEvent> read = Sample.ReadAll(file, out SessionReader reader);
        Assert.Equal(Named(Most), reader.Descriptions[Assert.Single(read, e => e.Socket == Socket).Child]);
        Assert.Equal(Sample.Small().Select(e => (e.Call, e.Socket)), read.Where(e => e.Socket != Socket).Select(e => (e.Call, e.Socket)));
    }

    [Fact]
    public void Of_more_descriptions_than_are_kept_each_is_there_when_its_event_is_read_and_one_far_out_of_order_is_refused()
    {
        const int Count = 3 * RecentDescriptions.Kept;
        static SessionEvent Event(int i, int time) => new() { Call = CallKind.Describe, Pid = 10, Tid = 10, TimeNs = Sample.StartNs + time, Socket = (ulong)i + 1 };
        SessionEvent[] inOrder = [.. Enumerable.Range(0, Count).Select(i => Event(i, i))];
        using (SessionReader reader = SessionReader.Open(Sample.Info, new MemoryStream(Sample.Write(inOrder)), "events.nettrace"))
        {
            var buffer = new SessionEvent[1024];
            int read = 0;
            for (int count; (count = reader.Read(buffer)) > 0; read += count)
                foreach (SessionEvent e in buffer.AsSpan(0, count)) Assert.Equal(e.Socket, reader.Descriptions[e.Child].Id);
            Assert.Equal(Count, read);
        }

        List<SessionEvent> late = Sample.ReadAll(Sample.Write([Event(Count, Count), .. inOrder]), out SessionReader ended);
        VsException refused = Assert.Throws<VsException>(() => ended.Descriptions[late[^1].Child]);
        Assert.Equal((ExitCode.BadInput, true), (refused.ExitCode, refused.Message.StartsWith("events.nettrace: ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Lost_events_are_seen_as_gaps()
    {
        byte[] file = Sample.Write(Sample.Small(), before: (writer, index) => writer.Lost(index == 3 ? 17 : 0), flushEvery: 2);
        Sample.ReadAll(file, out SessionReader reader);
        Assert.Equal(17, reader.Lost);
    }

    [Fact]
    public void A_file_cut_anywhere_reads_up_to_the_cut_and_says_so()
    {
        SessionEvent[] all = Sample.Small();
        byte[] file = Sample.Write(all, flushEvery: 3);
        List<SessionEvent> whole = Sample.ReadAll(file, out _);
        int before = 0;
        for (int length = 0; length < file.Length; length++)
        {
            List<SessionEvent> read = Sample.ReadAll(file[..length], out SessionReader reader);
            Assert.Equal(whole[..read.Count], read);
            Assert.True(read.Count >= before);
            before = read.Count;
            // The end mark itself may be missing: the end record before it tells that all is there.
            Assert.Equal(length < file.Length - 4, reader.Truncated);
        }

        Assert.Equal(all.Length, before);
    }

    [Fact]
    public void A_whole_file_of_a_recording_that_never_said_that_it_ended_is_a_cut()
    {
        byte[] file = Sample.Write(Sample.Small());
        Assert.Equal(Sample.Small().Length, Sample.ReadAll(file, out SessionReader reader, Sample.Info with { EndedCleanly = false }).Count);
        Assert.True(reader.Truncated);
    }

    [Fact]
    public void A_tail_of_zeros_is_a_cut()
    {
        byte[] file = Sample.Write(Sample.Small(), complete: false);
        List<SessionEvent> read = Sample.ReadAll([.. file, .. new byte[5000]], out SessionReader reader);
        Assert.True(reader.Truncated);
        Assert.Equal(Sample.Small().Length, read.Count);
    }

    [Fact]
    public void Hostile_bytes_are_refused_with_file_and_offset_or_read_as_far_as_they_go()
    {
        byte[] good = Sample.Write(Sample.Small(), flushEvery: 4);
        (from count in Gen.Int[1, 8]
         from places in Gen.Int[0, good.Length - 1].Array[count]
         from values in Gen.Byte.Array[count]
         select (places, values)).Sample(
            change =>
            {
                byte[] bad = [.. good];
                for (int i = 0; i < change.places.Length; i++) bad[change.places[i]] = change.values[i];
                long before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    Sample.ReadAll(bad, out _);
                }
                catch (VsException error)
                {
                    Assert.Equal(ExitCode.BadInput, error.ExitCode);
                    Assert.Matches("^events.nettrace@[0-9]+: ", error.Message);
                }

                Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 8 << 20);
            },
            iter: 20_000);
    }

    [Theory]
    [InlineData(12, 7, "version 6")]
    [InlineData(0, (byte)'X', "nettrace")]
    public void Another_format_is_refused(int offset, byte value, string expected)
    {
        byte[] file = Sample.Write(Sample.Small());
        file[offset] = value;
        VsException error = Assert.Throws<VsException>(() => Sample.ReadAll(file, out _));
        Assert.Equal(ExitCode.BadInput, error.ExitCode);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Calls_of_one_thread_keep_their_order_whatever_the_times_say()
    {
        // A blocked send ends late: it moves to where it began, but never past an earlier call of its thread.
        SessionEvent[] events =
        [
            new() { Call = CallKind.Receive, Pid = 1, Tid = 1, TimeNs = Sample.StartNs + 10, DurationNs = 5 },
            new() { Call = CallKind.Receive, Pid = 2, Tid = 2, TimeNs = Sample.StartNs, DurationNs = 50 },
            new() { Call = CallKind.Send, Pid = 1, Tid = 1, TimeNs = Sample.StartNs + 20, DurationNs = 100 },
        ];
        Assert.Equal([CallKind.Receive, CallKind.Send, CallKind.Receive], Sample.ReadAll(Sample.Write(events), out _).Select(e => e.Call));
    }
}
