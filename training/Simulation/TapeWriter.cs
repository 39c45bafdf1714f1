using System.Globalization;
using System.Text.Json;

namespace VirtualServices.Training.Simulation;

/// <summary>Writes neutral events, and what is true of them.</summary>
internal static class TapeWriter
{
    /// <summary>Neutral events, one per line.</summary>
    public static void WriteEvents(Tape tape, TextWriter output)
    {
        foreach (TapeEvent e in tape.Events)
        {
            string at = string.Create(CultureInfo.InvariantCulture, $"{{\"ts\":{e.TimeNs},\"host\":\"{e.Service}\",\"pid\":{e.Pid}");
            string tid = e.Tid == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $",\"tid\":{e.Tid}");
            string tenant = e.Tenant is null ? "" : $",\"vs\":\"{e.Tenant}\"";
            string what = e.Woken != 0 ? string.Create(CultureInfo.InvariantCulture, $",\"child\":{e.Woken}") : $",\"conn\":\"{e.Connection}\",\"role\":\"{(e.Server ? "server" : "client")}\",\"proto\":\"tcp\",\"bytes\":1{tenant}";
            output.Write($"{at}{tid},\"service\":\"{e.Service}\",\"call\":\"{e.Call}\"{what}}}\n");
        }
    }

    /// <summary>True parents, one call per line.</summary>
    public static void WriteTruth(Tape tape, TextWriter output)
    {
        Dictionary<string, int> callers = tape.Calls.GroupBy(c => c.Service).ToDictionary(g => g.Key, g => g.Select(c => c.Caller).Distinct().Count());
        foreach (TrueCall call in tape.Calls)
        {
            output.Write(JsonSerializer.Serialize(new
            {
                trace = call.Trace,
                conn = call.Connection,
                service = call.Service,
                caller = call.Caller,
                send_ts = call.SentNs,
                recv_ts = call.ReceivedNs,
                end_ts = call.EndNs,
                vs = call.Tenant,
                parent = call.Parent is { } parent ? new { conn = parent.Connection, ts = parent.TimeNs } : null,
                single_caller = call.Caller is { } caller && callers.TryGetValue(caller, out int count) && count == 1,
            }));
            output.Write('\n');
        }
    }
}
