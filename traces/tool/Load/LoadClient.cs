using System.Collections.Concurrent;
using System.Globalization;
using VirtualServices.Model;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Load;

/// <summary>
/// The load generator of one tenant, a process of its own. It says "ready" when the early connections are there, asks when it reads "go", says "done" when all is answered,
/// and closes its connections when it reads "close". Then it prints the truth of what it did.
/// </summary>
internal static class LoadClient
{
    /// <summary>Words between the generator and whoever started it.</summary>
    public const string Ready = "ready", Go = "go", Done = "done", Close = "close";

    /// <summary>Runs to the end.</summary>
    public static void Run(LoadPlan plan, TextReader input, TextWriter output)
    {
        ConcurrentBag<Hop> hops = [];
        ConcurrentBag<VsException> failures = [];
        LoadConnection?[] connections = new LoadConnection?[plan.Connections];
        for (int i = 0; i < plan.Early; i++) (connections[i] = LoadConnection.Open(plan)).Ask(Id(plan, i, 0), plan.Work);
        Say(output, Ready);
        Expect(input, Go);
        Thread[] threads = [.. Enumerable.Range(0, plan.Connections).Select(i => new Thread(() => Ask(plan, i, ref connections[i], hops, failures)))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        if (!failures.IsEmpty) throw failures.First();
        Say(output, Done);
        Expect(input, Close);
        foreach (LoadConnection? connection in connections) connection?.Dispose();
        foreach (Hop hop in hops) output.WriteLine(TruthFile.Line(new TruthLine(hop)));
    }

    private static void Ask(LoadPlan plan, int number, ref LoadConnection? connection, ConcurrentBag<Hop> hops, ConcurrentBag<VsException> failures)
    {
        try
        {
            Random random = new(plan.Seed * 1000 + number);
            for (int i = 1; i <= plan.Requests; i++)
            {
                Thread.Sleep(TimeSpan.FromMilliseconds(-Math.Log(1 - random.NextDouble()) * plan.PauseMs));
                connection ??= LoadConnection.Open(plan);
                foreach (Hop hop in connection.Ask(Id(plan, number, i), (int)(plan.Work * (0.5 + random.NextDouble())))) hops.Add(hop);
                if (!plan.Fresh) continue;
                connection.Dispose();
                connection = null;
            }
        }
        catch (VsException error)
        {
            failures.Add(error);
        }
        catch (System.Net.Sockets.SocketException error)
        {
            failures.Add(new VsException(ExitCode.HostLacks, $"{plan.Service} at {plan.Address}:{plan.Port}: {error.Message}", error));
        }
    }

    private static string Id(LoadPlan plan, int connection, int number) => string.Create(CultureInfo.InvariantCulture, $"{plan.Tenant}-{connection}-{number}");

    private static void Say(TextWriter output, string word)
    {
        output.WriteLine(word);
        output.Flush();
    }

    private static void Expect(TextReader input, string word)
    {
        if (input.ReadLine() != word) throw new VsException(ExitCode.HostLacks, $"expected '{word}'");
    }
}
