using VirtualServices.Enforce.Moving;

namespace VirtualServices.Enforce.Tests;

/// <summary>Re-binds of one process that two processors tell in the wrong order.</summary>
public sealed class LastMovesTests
{
    [Fact]
    public void An_earlier_rebind_is_void_once_a_later_one_was_served()
    {
        LastMoves last = new();
        Assert.Equal([true, true, false, true], ((ulong[])[5, 9, 7, 9]).Select(at => last.IsNewer(100, false, at)));
    }

    [Fact]
    public void Another_process_is_not_held_back_by_it()
    {
        LastMoves last = new();
        Assert.True(last.IsNewer(100, false, 9));
        Assert.True(last.IsNewer(101, false, 5));
        Assert.True(last.IsNewer(100, true, 5)); // the thread of the same number
        Assert.True(last.IsNewer(100 + 4096, true, 4)); // shares its place
    }
}
