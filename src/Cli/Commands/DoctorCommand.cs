using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using VirtualServices.Discover.Recording;
using VirtualServices.Discover.Recording.Packets;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs doctor</c>: what this host has, what will be used, what is missing.</summary>
internal static class DoctorCommand
{
    public static Command Create(CommandContext context)
    {
        var json = new Option<bool>("--json") { Description = "Print one JSON document" };
        var command = new VsCommand(
            "doctor",
            "Tells for each capability what this host has, which mechanism will be used, what is missing and how to get it. Exit code 4 where something is missing that recording or enforcing needs, 5 where only root can find that out.",
            "vs doctor\nvs doctor --json")
        { json };
        command.Run(result => Run(result.GetValue(json), context, [Recorder(RecordLevel.Syscalls), Recorder(RecordLevel.Sockets), Packets(), .. HostProbe.Run()]));
        return command;
    }

    internal static ExitCode Run(bool json, CommandContext context, IReadOnlyList<Capability> capabilities)
    {
        if (json) WriteJson(context.Out, capabilities);
        else WriteText(context.Out, capabilities);
        if (Any(CapabilityState.Missing)) return ExitCode.HostLacks;
        return Any(CapabilityState.Unknown) ? ExitCode.Permission : ExitCode.Done;

        bool Any(CapabilityState state) => capabilities.Any(capability => capability.Required && capability.State == state);
    }

    private static Capability Packets()
    {
        if (!Environment.IsPrivilegedProcess) return new Capability("packets", CapabilityState.Unknown, false, "", "not tried: only root may capture packets", "run it as root: sudo vs doctor");
        return PacketProbe.Run() is { } lacking
            ? new Capability("packets", CapabilityState.Missing, false, "", lacking.Message, "needed for vs record --packets only")
            : new Capability("packets", CapabilityState.Works, false, "libpcap on the interfaces that vs record --packets names", "", "");
    }

    private static Capability Recorder(RecordLevel level)
    {
        bool sockets = level == RecordLevel.Sockets;
        (string name, bool required) = sockets ? ("recorder (sockets)", false) : ("recorder", true);
        if (!Environment.IsPrivilegedProcess) return new Capability(name, CapabilityState.Unknown, required, "", "not tried: only root may load BPF programs", "run it as root: sudo vs doctor");
        if (RecorderProbe.Run(level, out string? blind) is { } lacking) return new Capability(name, CapabilityState.Missing, required, "", lacking.Missing, sockets ? $"{lacking.Remedy}; needed for vs record --level sockets only" : lacking.Remedy);
        return new Capability(name, CapabilityState.Works, required, sockets ? $"what sockets say of themselves, for vs record --level sockets{(blind is null ? "" : $"; {blind}")}" : "tracepoints with type information (tp_btf) on system calls of the recorded processes", "", "");
    }

    private static void WriteText(TextWriter output, IReadOnlyList<Capability> capabilities)
    {
        foreach (Capability capability in capabilities)
        {
            string state = capability.State.ToString().ToLowerInvariant();
            string said = string.Join("; ", new[] { capability.Uses, capability.Missing, capability.Remedy }.Where(text => text.Length > 0));
            output.WriteLine($"{capability.Name,-24}{state,-10}{said}");
        }
    }

    private static void WriteJson(TextWriter output, IReadOnlyList<Capability> capabilities)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartArray("capabilities");
            foreach (Capability capability in capabilities)
            {
                json.WriteStartObject();
                json.WriteString("name", capability.Name);
                json.WriteString("state", capability.State.ToString().ToLowerInvariant());
                json.WriteBoolean("required", capability.Required);
                json.WriteString("uses", capability.Uses);
                json.WriteString("missing", capability.Missing);
                json.WriteString("remedy", capability.Remedy);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length));
    }
}
