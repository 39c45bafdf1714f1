using CsCheck;
using VirtualServices.Enforce.Waiting;

namespace VirtualServices.Enforce.Tests.Waiting;

public sealed class WaitingQueueTests
{
    private const uint Leaf = 2, Other = 4, Parent = 6;

    [Fact]
    public void Who_comes_first_goes_first()
    {
        Room room = new() { [1] = [Leaf], [2] = [Leaf], [3] = [Leaf] };
        WaitingQueue queue = Waiting(room, 1, 2, 3);
        Assert.Empty(Look(queue, 0));
        room.Free[Leaf] = 2;
        Assert.Equal([(1UL, false), (2UL, false)], Look(queue, 1));
        Assert.Equal(1, queue.Count);
    }

    [Fact]
    public void A_place_that_was_given_is_not_given_again_before_it_is_counted()
    {
        Room room = new() { [1] = [Leaf], [2] = [Leaf] };
        WaitingQueue queue = Waiting(room, 1, 2);
        room.Free[Leaf] = 1;
        Assert.Equal([(1UL, false)], Look(queue, 0));
        Assert.Empty(Look(queue, 1)); // it may not be counted yet
        room.Free[Leaf] = 0;
        Assert.Empty(Look(queue, 2));
        Assert.Empty(Look(queue, 10));
        room.Free[Leaf] = 1; // the first one ends
        Assert.Equal([(2UL, false)], Look(queue, 11));
    }

    [Fact]
    public void There_must_be_room_all_the_way_up_and_who_waits_elsewhere_is_overtaken()
    {
        Room room = new() { [1] = [Leaf, Parent], [2] = [Other, Parent] };
        WaitingQueue queue = Waiting(room, 1, 2);
        (room.Free[Leaf], room.Free[Other], room.Free[Parent]) = (0, 1, 1);
        Assert.Equal([(2UL, false)], Look(queue, 0));
        (room.Free[Leaf], room.Free[Parent]) = (1, 0);
        Assert.Empty(Look(queue, 100));
    }

    [Fact]
    public void Nobody_waits_for_longer_than_the_bound()
    {
        Room room = new() { [1] = [Leaf] };
        WaitingQueue queue = Waiting(room, 1);
        Assert.Empty(Look(queue, WaitingQueue.MostWait - 1));
        Assert.Equal([(1UL, true)], Look(queue, WaitingQueue.MostWait));
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public void Who_was_interrupted_or_is_not_limited_any_more_is_gone()
    {
        Room room = new() { [1] = [Leaf], [2] = [] };
        WaitingQueue queue = Waiting(room, 1, 2);
        Assert.True(queue.Remove(1));
        Assert.False(queue.Remove(1));
        Assert.Equal([(2UL, false)], Look(queue, 0));
    }

    [Fact]
    public void Places_are_never_given_beyond_what_is_free_and_always_in_order() => Gen.Select(Gen.Int[1, 4], Gen.Int[0, 9].List[1, 40]).Sample((most, steps) =>
    {
        // Callers come, are counted as soon as they are let in, and end after a while.
        Room room = new();
        WaitingQueue queue = new(room);
        List<ulong> order = [];
        int used = 0;
        ulong next = 1;
        long now = 0;
        foreach (int step in steps)
        {
            if (step < 5)
            {
                room[(uint)next] = [Leaf];
                queue.Add(next, (uint)next++, now);
            }
            else if (step < 8 && used > 0)
            {
                used--;
            }

            room.Free[Leaf] = most - used;
            queue.Look(now, (ticket, late) =>
            {
                Assert.False(late);
                order.Add(ticket);
                used++;
            });
            Assert.True(used <= most, $"{used} of {most}");
            now += step;
        }

        Assert.Equal(order.Order(), order);
    });

    private static WaitingQueue Waiting(Room room, params uint[] threads)
    {
        WaitingQueue queue = new(room);
        foreach (uint thread in threads) queue.Add(thread, thread, 0);
        return queue;
    }

    private static List<(ulong Ticket, bool Late)> Look(WaitingQueue queue, long now)
    {
        List<(ulong, bool)> answers = [];
        queue.Look(now, (ticket, late) => answers.Add((ticket, late)));
        return answers;
    }

    private sealed class Room : Dictionary<uint, uint[]>, IRoom
    {
        public Dictionary<uint, long> Free { get; } = [];

        uint[] IRoom.Wanted(uint thread) => this[thread];

        long IRoom.Free(uint place) => Free.GetValueOrDefault(place);
    }
}
