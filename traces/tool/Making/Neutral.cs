using System.Security.Cryptography;
using System.Text;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Traces.Making;

/// <summary>Takes out of a session what names the machine that it was recorded on: host, kernel build, boot, the folders of servers and load generator.</summary>
/// <param name="folder">Of the servers.</param>
/// <param name="host">Name that the host gets.</param>
internal sealed class Neutral(string folder, string host)
{
    private const string Servers = "/srv/trace", Client = "/usr/bin/load", Runtime = "/usr/bin/dotnet";

    /// <summary>The same session without names.</summary>
    public SessionInfo Of(SessionInfo info) => info with
    {
        Host = host,
        Kernel = new string([.. info.Kernel.TakeWhile(letter => char.IsAsciiDigit(letter) || letter == '.')]),
        BootId = new Guid(SHA256.HashData(Encoding.UTF8.GetBytes(host)).AsSpan(0, 16)).ToString(), // two hosts have two boots
        Processes = [.. info.Processes.Select(Of)],
        Sockets = [.. info.Sockets.Select(socket => socket with { Description = socket.Description with { Local = Of(socket.Description.Local), Remote = Of(socket.Description.Remote) } })],
    };

    private Endpoint Of(Endpoint end) => end with { Path = Text(end.Path) };

    private ProcessRecord Of(ProcessRecord process)
    {
        // The runtime and what it runs lie elsewhere on each machine.
        if (process.CommandLine.Contains(Path.GetFileName(LoadProcess.Library), StringComparison.Ordinal)) return process with { Exe = Client, CommandLine = Client };
        if (Path.GetFileName(process.Exe) != Path.GetFileName(Runtime)) return process with { Exe = Text(process.Exe), CommandLine = Text(process.CommandLine) };
        return process with { Exe = Runtime, CommandLine = $"{Runtime} {Path.GetFileName(process.CommandLine.Split(' ', 3)[1])}" };
    }

    private string Text(string text) => text.Replace(folder, Servers, StringComparison.Ordinal);
}
