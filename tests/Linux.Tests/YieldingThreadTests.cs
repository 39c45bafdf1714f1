using System.Globalization;
using VirtualServices.Linux.Processes;

namespace VirtualServices.Linux.Tests;

public sealed class YieldingThreadTests
{
    private const int Normal = 0, Batch = 3;

    [Fact]
    public void A_thread_yields_hurries_and_is_as_before_afterwards()
    {
        List<(int Nice, int Policy)> seen = [];
        Thread thread = new(() =>
        {
            seen.Add(OfThisThread());
            using (YieldingThread priority = new())
            {
                seen.Add(OfThisThread());
                priority.Hurries = true;
                seen.Add(OfThisThread());
                priority.Hurries = false;
                seen.Add(OfThisThread());
            }

            seen.Add(OfThisThread());
        });
        thread.Start();
        thread.Join();
        int before = seen[0].Nice, yielding = Math.Max(before, 10);
        // Who is not root may not take back what it gave up.
        int hurried = Environment.IsPrivilegedProcess ? before : yielding;
        Assert.Equal([(before, Normal), (yielding, Batch), (hurried, Normal), (yielding, Batch), (hurried, Normal)], seen);
    }

    /// <summary>Fields 19 and 41 of the thread's stat (proc_pid_stat(5)).</summary>
    private static (int Nice, int Policy) OfThisThread()
    {
        string stat = File.ReadAllText("/proc/thread-self/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (Number(19), Number(41));

        int Number(int field) => int.Parse(fields[field - 3], CultureInfo.InvariantCulture);
    }
}
