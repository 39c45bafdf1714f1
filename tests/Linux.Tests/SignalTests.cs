using VirtualServices.Linux.Bpf;

namespace VirtualServices.Linux.Tests;

/// <summary>A request that several threads wait for is served once, and never forgotten.</summary>
public sealed class SignalTests
{
    [Fact]
    public void It_is_taken_once_however_often_it_was_set()
    {
        using Signal signal = new();
        Assert.False(signal.TryTake());
        signal.Set();
        signal.Set();
        Assert.Equal([true, false], new[] { signal.TryTake(), signal.TryTake() });
        signal.Set();
        Assert.True(signal.TryTake());
    }

    [Fact]
    public void Of_several_threads_one_takes_it()
    {
        using Signal signal = new();
        using Barrier start = new(4);
        int taken = 0;
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                start.SignalAndWait();
                if (signal.TryTake()) Interlocked.Increment(ref taken);
                start.SignalAndWait();
                signal.Set();
            }
        }))];
        signal.Set();
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.Equal(1000, taken);
    }
}
