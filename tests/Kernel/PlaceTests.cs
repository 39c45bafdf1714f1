using VirtualServices.Discover.Recording;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Kernel.Tests;

/// <summary>The recorder keeps a thread's state in a place that its id tells: two threads may want the same, and an exec gives a thread another id.</summary>
public sealed class PlaceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-places").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [RootTheory]
    [InlineData(RecordLevel.Syscalls)]
    [InlineData(RecordLevel.Sockets)]
    public void Threads_that_want_the_same_place_and_a_thread_that_becomes_the_first_lose_no_event(RecordLevel level)
    {
        string program = TestProgram.Compile("places", _folder), truth = Path.Combine(_folder, "truth"), session = Path.Combine(_folder, "session");

        RecordResult result = Recorder.Run(new RecorderOptions(session, []) { Level = level, Command = ["/bin/sh", "-c", "exec \"$0\" > \"$1\"", program, truth] }, CancellationToken.None);

        Assert.Equal(((int?)0, 0L), (result.CommandExitCode, result.Lost));
        List<SessionEvent> events = Recorded.Read(session, out _);
        string[] lines = File.ReadAllLines(truth);
        Assert.Equal(2, lines.Length);
        foreach (int[] said in lines.Select(line => line.Split(' ').Select(int.Parse).ToArray()))
        {
            Assert.Equal(said[1], events.Count(e => e.Pid == said[0] && e.Call == CallKind.Send && e.Result == 1));
            Assert.Equal(said[1], events.Count(e => e.Pid == said[0] && e.Call == CallKind.Receive && e.Result == 1));
        }
    }
}
