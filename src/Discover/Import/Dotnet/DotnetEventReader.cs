using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Diagnostics.Tracing;
using VirtualServices.Discover.Nettrace;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Dotnet;

/// <summary>Picks out of the events of a nettrace file those that say something of requests and calls. Texts of queries, paths of requests and command lines are not kept.</summary>
internal sealed class DotnetEventReader(NettraceHead head, UnusedCounts unused)
{
    internal const string Http = "http", Npgsql = "npgsql";

    /// <summary>Bytes of a tracepoint's record before the arguments of a system call: those that all tracepoints have, the number of the call, and four that align the next.</summary>
    private const int ArgumentsAt = 16;

    /// <summary>The fields of those 16 bytes that a file describes.</summary>
    private const int FieldsBefore = 5;

    private long _lastNs;

    /// <summary>Reads an event; null where it says nothing here.</summary>
    internal DotnetEvent? Read(TraceEvent e)
    {
        try
        {
            return e.ProviderName switch
            {
                "Microsoft-Diagnostics-DiagnosticSource" => ReadSpan(e),
                "Microsoft-AspNetCore-Server-Kestrel" => ReadKestrel(e),
                "System.Net.Http" => ReadHttp(e),
                "Microsoft-DotNETCore-EventPipe" when e.EventName == "ProcessInfo" => Make(e, DotnetEventKind.Process) with { Text = NameOf(Text(e, "CommandLine")) },
                "Universal.System" => ReadProcess(e),
                "syscalls" => ReadCall(e),
                "sched" or "sock" => ReadOther(e),
                _ => Leave("events of other providers"),
            };
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // The library throws whatever a payload that is too short leads it to.
            return Leave("events whose fields could not be read");
        }
    }

    private DotnetEvent? Leave(string reason)
    {
        unused.Add(reason);
        return null;
    }

    /// <summary>The library sorts by time; what it does not is taken for just after the event before.</summary>
    private DotnetEvent Make(TraceEvent e, DotnetEventKind kind)
    {
#pragma warning disable CS0618 // "exposed to experts": the only exact time that it gives
        _lastNs = Math.Max(_lastNs, head.ToNs(e.TimeStampQPC));
#pragma warning restore CS0618
        return new DotnetEvent(kind, _lastNs, e.ProcessID, Math.Max(e.ThreadID, 0), e.ActivityID, e.RelatedActivityID);
    }

    private DotnetEvent? ReadSpan(TraceEvent e)
    {
        bool start = e.EventName == "Activity/Start";
        if (!start && e.EventName != "Activity/Stop") return Leave("events of other providers");
        string source = Text(e, "SourceName"), operation = Text(e, "ActivityName"), id = "", parent = "", kind = "", tags = "";
        foreach (object? one in (IEnumerable)e.PayloadByName("Arguments"))
        {
            if (one is not IDictionary<string, object> pair || pair["Value"] is not string value) continue;
            switch (pair["Key"])
            {
                case "Id" or "SpanId":
                    id = value;
                    break;
                case "ParentId" or "ParentSpanId":
                    parent = value;
                    break;
                case "Kind":
                    kind = value;
                    break;
                case "Tags" or "TagObjects" when value.Length > tags.Length && !value.StartsWith("System.", StringComparison.Ordinal):
                    tags = value;
                    break;
            }
        }

        if (!SpanFields.TryId(id, out ulong span)) return Leave("spans without an id of W3C trace context");
        if (!SpanFields.TryId(parent, out ulong above) && parent.Trim('0').Length > 0) return Leave("spans without an id of W3C trace context");
        DotnetEvent about = Make(e, DotnetEventKind.InnerSpanStart) with { Span = span, Parent = above };
        if (operation == "Microsoft.AspNetCore.Hosting.HttpRequestIn") return about with { Kind = start ? DotnetEventKind.ServerSpanStart : DotnetEventKind.ServerSpanStop };
        string calls = operation == "System.Net.Http.HttpRequestOut" ? Http : source == "Npgsql" && kind == "Client" ? Npgsql : "";
        if (calls.Length > 0)
        {
            string connection = SpanFields.Tag(tags, "db.npgsql.connection_id");
            return about with
            {
                Kind = start ? DotnetEventKind.ClientSpanStart : DotnetEventKind.ClientSpanStop,
                Name = calls,
                Remote = SpanFields.Remote(tags),
                Connection = connection.Length <= EventLine.LongestName / 2 ? connection : "",
            };
        }

        if (start && kind is "Server" or "Client" or "Producer" or "Consumer") unused.Add("spans of requests and calls that are not of ASP.NET Core, HttpClient or Npgsql");
        return start ? about : null;
    }

    private DotnetEvent? ReadKestrel(TraceEvent e)
    {
        switch (e.EventName)
        {
            case "Connection/Start":
                return Connected(e, DotnetEventKind.ConnectionStart) with { Local = End(Text(e, "localEndPoint")), Remote = End(Text(e, "remoteEndPoint")) };
            case "Connection/Stop":
                return Connected(e, DotnetEventKind.ConnectionStop);
            case "Request/Start":
                return Connected(e, DotnetEventKind.RequestStart) with { Text = Short(Text(e, "requestId")) };
            case "Request/Stop":
                return Connected(e, DotnetEventKind.RequestStop) with { Text = Short(Text(e, "requestId")) };
            case "Configuration":
                using (JsonDocument document = JsonDocument.Parse(Text(e, "configuration")))
                {
                    foreach (JsonElement one in document.RootElement.GetProperty("ListenOptions").EnumerateArray())
                    {
                        if (Uri.TryCreate(one.GetProperty("Address").GetString(), UriKind.Absolute, out Uri? uri) && SpanFields.EndOf(uri.Host.Trim('[', ']'), uri.Port.ToString(CultureInfo.InvariantCulture)) is var end && end != Endpoint.None)
                            return Make(e, DotnetEventKind.Listen) with { Local = end };
                    }
                }

                return null;
            default:
                return Leave("events of other providers");
        }
    }

    private DotnetEvent? ReadHttp(TraceEvent e)
    {
        switch (e.EventName)
        {
            case "Request/Start":
                return Make(e, DotnetEventKind.HttpStart) with { Remote = SpanFields.EndOf(Text(e, "host").Trim('[', ']'), Text(e, "port")) };
            case "Request/Stop":
                return Make(e, DotnetEventKind.HttpStop);
            case "RequestHeaders/Start" when e.PayloadByName("connectionId") is not null:
                return Connected(e, DotnetEventKind.HttpSend);
            case "ConnectionEstablished" when e.PayloadByName("connectionId") is not null:
                Endpoint remote = SpanFields.EndOf(Text(e, "remoteAddress"), Text(e, "port"));
                return Connected(e, DotnetEventKind.HttpConnected) with { Remote = remote != Endpoint.None ? remote : SpanFields.EndOf(Text(e, "host").Trim('[', ']'), Text(e, "port")) };
            case "ConnectionClosed" when e.PayloadByName("connectionId") is not null:
                return Connected(e, DotnetEventKind.HttpClosed);
            default:
                return Leave("events of other providers");
        }
    }

    private DotnetEvent Connected(TraceEvent e, DotnetEventKind kind) => Make(e, kind) with { Connection = Short(Text(e, "connectionId")) };

    /// <summary>The description of the name in the file is not what its writer writes: a number, a length of 16 bits and UTF-8.</summary>
    private DotnetEvent? ReadProcess(TraceEvent e)
    {
        if (e.EventName is not ("ExistingProcess" or "ProcessCreate")) return Leave("events of other providers");
        Fields fields = new(e.EventData());
        fields.Varuint();
        string name = Encoding.UTF8.GetString(fields.Take(fields.UInt16()));
        return Make(e, DotnetEventKind.Process) with { Text = Short(name) };
    }

    /// <summary>
    /// A system call. The file describes its fields, but leaves the gap out that aligns the arguments, so what is read by that description is wrong: the names are taken from there, the values from
    /// where the kernel puts them.
    /// </summary>
    private DotnetEvent? ReadCall(TraceEvent e)
    {
        ReadOnlySpan<byte> record = e.EventData();
        StringBuilder fields = new();
        string[] names = e.PayloadNames;
        for (int i = FieldsBefore; i < names.Length; i++)
        {
            int at = ArgumentsAt + ((i - FieldsBefore) * sizeof(ulong));
            if (at + sizeof(ulong) > record.Length) return Leave("events whose fields could not be read");
            ulong value = BitConverter.ToUInt64(record[at..]);
            if (names[i] == "ret") fields.Append(CultureInfo.InvariantCulture, $"0x{value:x}");
            else fields.Append(CultureInfo.InvariantCulture, $"{names[i]}: 0x{value:x}, ");
        }

        return Make(e, DotnetEventKind.Tracepoint) with { Name = "syscalls:" + e.EventName, Text = fields.ToString().TrimEnd(',', ' ') };
    }

    /// <summary>Of other tracepoints a file describes the fields before the first text only. Where the kernel puts the woken thread has been the same since there are wake-ups of 16 characters.</summary>
    private DotnetEvent? ReadOther(TraceEvent e)
    {
        const int WokenAt = 24;
        if (e.EventName is not ("sched_wakeup" or "sched_wakeup_new")) return Leave("tracepoints other than system calls and wake-ups");
        byte[] record = e.EventData();
        return record.Length < WokenAt + sizeof(int)
            ? Leave("events whose fields could not be read")
            : Make(e, DotnetEventKind.Tracepoint) with { Name = "sched:" + e.EventName, Text = string.Create(CultureInfo.InvariantCulture, $"pid={BitConverter.ToInt32(record, WokenAt)}") };
    }

    private static string Text(TraceEvent e, string field) => Convert.ToString(e.PayloadByName(field), CultureInfo.InvariantCulture) ?? "";

    private static string Short(string text) => text.Length <= EventLine.LongestName / 2 && !text.Contains('\0', StringComparison.Ordinal) ? text : text[..0];

    private static Endpoint End(string text) => SessionText.TryParseEndpoint(text, out Endpoint end) ? end : Endpoint.None;

    /// <summary>What a person would call the process: the program that <c>dotnet</c> runs, else the executable.</summary>
    private static string NameOf(string commandLine)
    {
        string[] words = commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string program = words.Length == 0 ? "" : words[0];
        if (Path.GetFileName(program) is "dotnet") program = Array.Find(words, word => word.EndsWith(".dll", StringComparison.Ordinal)) ?? program;
        return Short(Path.GetFileName(program).Replace(".dll", "", StringComparison.Ordinal));
    }
}
