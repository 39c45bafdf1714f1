using System.Runtime.CompilerServices;
using Tmds.Linux;
using VirtualServices.Linux.Processes;

namespace VirtualServices.Cli.Demo;

/// <summary>
/// How fast the CPUs are, all the time: on each, a thread does the same small piece of work fifty times a second and takes the CPU time that it cost.
/// A virtual machine's CPU is a hyper-thread whose other half belongs to somebody else: it slows down by almost a half for seconds, and no counter of the kernel shows it.
/// Rates of windows that were measured after each other can be compared once each is divided by the speed of its window.
/// </summary>
/// <remarks>
/// Measured on a two-core virtual machine with a CPU-bound PostgreSQL beside: the speed explains the rate's drift with a correlation of 0.98 in windows of 3 s,
/// and the rate's coefficient of variation goes from 10 % to 3.5 %. The work is integer arithmetic that keeps several units busy, as a database does; work that waits for
/// branches or memory follows less well (0.86, 0.72). It takes less than 2 % of each CPU, in every arrangement alike.
/// Real-time priority where the kernel grants it: a thread without got no processor for 2 s beside a cgroup whose processes wake each other (docs/performance.md, "A fault of the scheduler").
/// </remarks>
internal sealed partial class MachineSpeed : IDisposable
{
    private const int Words = 2048;
    private const int Passes = 40;
    private const int WarmUps = 500;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);


    private static ulong _sink;

    private readonly ManualResetEventSlim _stop = new();
    private readonly List<Thread> _threads = [];
    private readonly List<(DateTime At, double Seconds)>[] _samples;

    private MachineSpeed(int cpus) => _samples = [.. Enumerable.Range(0, cpus).Select(_ => new List<(DateTime, double)>())];

    /// <summary>Starts to measure, on every CPU that this process may use.</summary>
    public static MachineSpeed Start()
    {
        int[] cpus = [.. AllowedCpus()];
        MachineSpeed speed = new(cpus.Length);
        for (int i = 0; i < cpus.Length; i++)
        {
            (int cpu, List<(DateTime, double)> samples) = (cpus[i], speed._samples[i]);
            Thread thread = new(() => speed.Run(cpu, samples)) { Name = "speed", IsBackground = true };
            speed._threads.Add(thread);
            thread.Start();
        }

        return speed;
    }

    /// <summary>Pieces of work per CPU-second, the mean over the CPUs; NaN where a CPU was not measured in that time.</summary>
    public double Within(DateTime from, DateTime to)
    {
        double sum = 0;
        foreach (List<(DateTime At, double Seconds)> samples in _samples)
        {
            lock (samples)
            {
                sum += 1 / samples.Where(one => one.At >= from && one.At < to).Select(one => one.Seconds).DefaultIfEmpty(double.NaN).Average();
            }
        }

        return sum / _samples.Length;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Set();
        foreach (Thread thread in _threads) thread.Join();
        _stop.Dispose();
    }

    private void Run(int cpu, List<(DateTime At, double Seconds)> samples)
    {
        Pin(cpu);
        ThreadScheduling.RealTime(1);
        ulong[] words = new ulong[Words];
        for (int i = 0; i < words.Length; i++) words[i] = ((ulong)i + 1) * 6364136223846793005;
        for (int i = 0; i < WarmUps; i++) Work(words);
        while (!_stop.Wait(Pause))
        {
            DateTime at = DateTime.UtcNow;
            long before = ThreadClock.Nanoseconds();
            Work(words);
            double seconds = (ThreadClock.Nanoseconds() - before) / 1e9;
            lock (samples)
            {
                samples.Add((at, seconds));
            }
        }
    }

    // Compiled once and for all: a step of the tiered compiler would look like a faster machine.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Work(ulong[] words)
    {
        ulong a = 1, b = 2, c = 3, d = 4;
        for (int pass = 0; pass < Passes; pass++)
        {
            for (int i = 0; i + 3 < words.Length; i += 4)
            {
                a = (a + words[i]) * 31;
                b = (b ^ words[i + 1]) * 33;
                c = (c + words[i + 2]) ^ (c >> 7);
                d = (d << 3) + words[i + 3];
            }
        }

        Volatile.Write(ref _sink, a ^ b ^ c ^ d);
    }

    /// <summary>CPUs that this process may use.</summary>
    internal static unsafe IEnumerable<int> AllowedCpus()
    {
        cpu_set_t set;
        if (LibC.sched_getaffinity(0, sizeof(cpu_set_t), &set) < 0) throw new InvalidOperationException($"sched_getaffinity: errno {LibC.errno}");
        ulong[] words = new ReadOnlySpan<ulong>(&set, sizeof(cpu_set_t) / sizeof(ulong)).ToArray();
        return Enumerable.Range(0, 64 * words.Length).Where(cpu => (words[cpu / 64] >> (cpu % 64) & 1) == 1);
    }

    private static unsafe void Pin(int cpu)
    {
        cpu_set_t set = default;
        new Span<ulong>(&set, sizeof(cpu_set_t) / sizeof(ulong))[cpu / 64] = 1UL << (cpu % 64);
        if (LibC.sched_setaffinity(0, sizeof(cpu_set_t), &set) < 0) throw new InvalidOperationException($"sched_setaffinity to CPU {cpu}: errno {LibC.errno}");
    }
}
