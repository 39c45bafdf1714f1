using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Limits;

namespace VirtualServices.Enforce.Tests;

public sealed class LimitQueuesTests
{
    private const uint Parent = 1, A = 2, B = 3, MaxWaitMs = 100;
    private const long Ms = 1_000_000;

    private readonly LimitQueues _queues = new();
    private readonly Room _room = new();

    [Fact]
    public void First_come_first_served_and_as_many_as_there_is_room_for()
    {
        Wait(30, A, since: 3);
        Wait(10, A, since: 1);
        Wait(20, A, since: 2);
        Assert.Empty(Decide(4));
        _room.Of[(A, CountKind.Processes)] = 2;
        Assert.Equal([(10, WaitEnd.Room), (20, WaitEnd.Room)], Decide(5));
        Assert.Empty(Decide(6)); // both are on their way: their places are taken
        _queues.Remove(10, _room);
        _room.Of[(A, CountKind.Processes)] = 1; // 10 has made its process
        Assert.Empty(Decide(7));
        _room.Of[(A, CountKind.Processes)] = 2; // another one ended
        Assert.Equal([(30, WaitEnd.Room)], Decide(8));
    }

    [Fact]
    public void A_place_of_the_parent_is_given_once()
    {
        _room.Parents[A] = _room.Parents[B] = Parent;
        _room.Of[(A, CountKind.Processes)] = _room.Of[(B, CountKind.Processes)] = 5;
        Wait(10, A, since: 1, at: Parent);
        Wait(20, B, since: 2, at: Parent);
        Assert.Empty(Decide(3));
        _room.Of[(Parent, CountKind.Processes)] = 1;
        Assert.Equal([(10, WaitEnd.Room)], Decide(4));
        _queues.Expire(10, _room); // it did not take it
        Assert.Equal([(20, WaitEnd.Room)], Decide(5));
    }

    [Fact]
    public void Who_has_waited_long_enough_fails_and_those_behind_wait_on()
    {
        Wait(10, A, since: 0);
        Wait(20, A, since: 50 * Ms);
        Assert.Empty(Decide(99 * Ms));
        Assert.Equal([(10, WaitEnd.Fails)], Decide(100 * Ms));
        _queues.Remove(10, _room);
        _room.Of[(A, CountKind.Processes)] = 1;
        Assert.Equal([(20, WaitEnd.Room)], Decide(101 * Ms));
    }

    [Fact]
    public void With_room_nobody_fails_however_late_it_is()
    {
        Wait(10, A, since: 0);
        _room.Of[(A, CountKind.Processes)] = 1;
        Assert.Equal([(10, WaitEnd.Room)], Decide(1000 * Ms));
    }

    [Fact]
    public void Who_waits_again_before_anybody_looked_is_another_one()
    {
        _room.Of[(A, CountKind.Processes)] = 1;
        Wait(10, A, since: 1);
        Assert.Single(Decide(2));
        StoppedCall next = new(10, A, A, 1, CountKind.Processes, WaitState.Room, 0, 11, MaxWaitMs, 0, 3);
        Assert.False(_queues.Contains(10, next));
        _queues.Remove(10, _room);
        _queues.Add(10, next);
        Assert.True(_queues.Contains(10, next));
        Assert.Equal([(10, WaitEnd.Room)], Decide(4));
    }

    [Fact]
    public void Who_meets_its_limit_again_with_the_same_call_is_decided_anew_at_its_place_and_gives_its_place_back()
    {
        _room.Of[(A, CountKind.Processes)] = 1;
        Wait(10, A, since: 1);
        Wait(20, A, since: 2);
        Assert.Equal([(10, WaitEnd.Room)], Decide(3));
        Assert.Equal(1, _queues.Again(10, _room));
        Assert.Equal([(10, WaitEnd.Room)], Decide(4)); // not 20
        Assert.Equal(2, _queues.Again(10, _room));
        Assert.Equal(2, _queues.TimesOf(10));
        _room.Of[(A, CountKind.Processes)] = 0;
        Assert.Empty(Decide(5));
        Assert.Equal([(10, WaitEnd.Fails), (20, WaitEnd.Fails)], Decide(MaxWaitMs * Ms + 5));
        Assert.Equal(0, _queues.Again(30, _room));
    }

    [Theory]
    [InlineData(11, false)]
    [InlineData(10, true)]
    public void Another_thread_or_another_kind_of_call_is_another_one(uint tid, bool sockets)
    {
        Wait(10, A, since: 1);
        Assert.False(_queues.Contains(10, new StoppedCall(tid, A, A, 1, sockets ? CountKind.Sockets : CountKind.Processes, WaitState.Room, 0, 11, MaxWaitMs, 0, 1)));
        Assert.True(_queues.Contains(10, new StoppedCall(10, A, A, 1, CountKind.Processes, WaitState.Room, 0, 11, MaxWaitMs, 0, 1)));
    }

    [Fact]
    public void An_errno_is_told_at_once_and_passes_those_who_wait_for_sockets()
    {
        Wait(10, A, since: 0, kind: CountKind.Sockets);
        _queues.Add(20, new StoppedCall(20, A, A, 1, CountKind.Processes, WaitState.Errno, 0, 28, 0, 0, 1));
        Assert.Equal([(20, WaitEnd.Fails)], Decide(2));
        Assert.Equal(2, _queues.Count);
        _queues.Remove(20, _room);
        Assert.Equal([10], _queues.Processes);
    }

    private void Wait(int pid, uint from, long since, uint at = 0, CountKind kind = CountKind.Processes) =>
        _queues.Add(pid, new StoppedCall((uint)pid, at == 0 ? from : at, from, 1, kind, WaitState.Room, 0, 11, MaxWaitMs, 0, (ulong)since));

    private (int, WaitEnd)[] Decide(long now) => [.. _queues.Decide(now, _room)];

    private sealed class Room : ILimitRoom
    {
        public Dictionary<(uint, CountKind), long> Of { get; } = [];

        public Dictionary<uint, uint> Parents { get; } = [];

        public long Left(uint counter, CountKind kind) => Of.GetValueOrDefault((counter, kind));

        public uint Above(uint counter) => Parents.GetValueOrDefault(counter);
    }
}
