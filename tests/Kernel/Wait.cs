using System.Diagnostics;

namespace VirtualServices.Kernel.Tests;

internal static class Wait
{
    /// <summary>Waits until something holds; fails with its name after ten seconds.</summary>
    public static void Until(Func<bool> holds, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (!holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(10), $"waited in vain until {what}");
            Thread.Sleep(5);
        }
    }
}
