using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using VirtualServices.Enforce.Waiting;

namespace VirtualServices.Kernel.Tests;

/// <summary>
/// The waiting room of <c>onLimit: block</c> with the real FUSE. Here a system call of the test asks where a program in the kernel asks else, which needs security hooks (tests/vm/limits).
/// </summary>
[Collection(Enforcement.Name)]
public sealed partial class WaitingRoomTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    [RootFact]
    public void Whoever_asks_waits_for_room()
    {
        OneRoom room = new();
        using WaitingRoom open = WaitingRoom.Open(room, null);
        Task<int> first = AskAsync(open), second = AskAsync(open);
        Wait.Until(() => room.Asked.Count >= 2, "both threads wait");
        Assert.False(first.IsCompleted || second.IsCompleted);
        Assert.DoesNotContain(0u, room.Asked); // threads are known by their numbers
        room.Free = 1;
        Wait.Until(() => first.IsCompleted || second.IsCompleted, "one goes on");
        Thread.Sleep(50); // fifty looks of the room, in none of which the other one may go on
        Assert.False(first.IsCompleted && second.IsCompleted, "there was room for one");
        room.Free = 1;
        Assert.True(Task.WaitAll([first, second], Soon));
        Assert.Equal([2, 2], [first.Result, second.Result]); // bytes of the answer
    }

    [RootFact]
    public void A_signal_ends_the_wait()
    {
        OneRoom room = new();
        using WaitingRoom open = WaitingRoom.Open(room, null);
        string folder = Directory.CreateTempSubdirectory("vs-asker-").FullName;
        using Process asks = Process.Start(new ProcessStartInfo(TestProgram.Compile("asker", folder), [$"/proc/{Number(open.Door)}/exe", WaitingRoom.Attribute]))!;
        Wait.Until(() => room.Asked.Count >= 1, "it waits");
        asks.Kill();
        Assert.True(asks.WaitForExit(Soon));
        Assert.Equal(128 + 9, asks.ExitCode);
        Directory.Delete(folder, recursive: true);
    }

    [RootFact]
    public void When_the_room_goes_who_waits_goes_on()
    {
        OneRoom room = new();
        WaitingRoom open = WaitingRoom.Open(room, null);
        Task<int> asks = AskAsync(open);
        Wait.Until(() => room.Asked.Count >= 1, "it waits");
        open.Dispose();
        Assert.True(asks.Wait(Soon));
        Assert.True(asks.Result < 0, "an error of the kernel's");
        Assert.Empty(Directory.GetFileSystemEntries("/run/virtual-services/waiting")); // nothing is mounted where others can see it
    }

    [RootFact]
    public void An_end_that_nobody_wanted_is_told()
    {
        string? said = null;
        OneRoom room = new();
        using WaitingRoom open = WaitingRoom.Open(room, text => said = text);
        Task<int> asks = AskAsync(open);
        Wait.Until(() => room.Asked.Count >= 1, "it waits");
        Process.GetProcessById(open.Door).Kill();
        Wait.Until(() => said is not null, "it is told");
        Assert.True(asks.Wait(Soon), "and who waits goes on");
        Assert.StartsWith("the waiting room is closed", said, StringComparison.Ordinal);
    }

    [RootFact]
    public void Rooms_come_and_go_and_leave_nothing()
    {
        for (int i = 0; i < 10; i++)
        {
            using WaitingRoom open = WaitingRoom.Open(new OneRoom(), null);
            Assert.EndsWith("/door", File.ResolveLinkTarget($"/proc/{Number(open.Door)}/exe", false)!.FullName, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(" - fuse virtual-services ", File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
        Assert.DoesNotContain("/dev/fuse", Directory.GetFiles("/proc/self/fd").Select(file => new FileInfo(file).LinkTarget));
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static Task<int> AskAsync(WaitingRoom room)
    {
        string file = $"/proc/{Number(room.Door)}/exe";
        return Task.Factory.StartNew(
            () =>
            {
                byte[] value = new byte[16];
                return (int)getxattr(file, WaitingRoom.Attribute, value, value.Length);
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint getxattr(string path, string name, byte[] value, nint size);

    /// <summary>One place, wanted by whoever asks.</summary>
    private sealed class OneRoom : IRoom
    {
        private long _free;

        public System.Collections.Concurrent.ConcurrentDictionary<uint, bool> Seen { get; } = [];

        public ICollection<uint> Asked => Seen.Keys;

        public long Free
        {
            get => Interlocked.Read(ref _free);
            set => Interlocked.Exchange(ref _free, value);
        }

        public uint[] Wanted(uint thread)
        {
            Seen[thread] = true;
            return [1];
        }

        long IRoom.Free(uint place) => Interlocked.Exchange(ref _free, 0); // whoever looks takes it
    }
}
