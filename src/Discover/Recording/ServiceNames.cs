using System.Globalization;
using System.Text.RegularExpressions;
using VirtualServices.Linux.Processes;
using VirtualServices.Linux.Sockets;
using VirtualServices.Model;

namespace VirtualServices.Discover.Recording;

/// <summary>Reads <c>[NAME=]KIND:VALUE</c> of the command line, and finds names for services that were given none.</summary>
public static partial class ServiceNames
{
    private static readonly SelectorKind[] ProcessKinds = [.. Enum.GetValues<SelectorKind>().Where(Selector.ChoosesProcesses)];

    /// <summary>Makes services of the selectors. Selectors with the same name belong to one service.</summary>
    /// <exception cref="VsException">A text is no selector (exit code 2).</exception>
    public static IReadOnlyList<Service> Parse(IEnumerable<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        List<Service> services = [];
        foreach (string text in texts)
        {
            Match named = Named().Match(text);
            string rest = named.Success ? text[named.Length..] : text;
            if (!Selector.TryParse(rest, ProcessKinds, out Selector selector, out string error))
            {
                if (Selector.TryParse(rest, out _, out _)) error = $"it chooses connections, not processes: use one of {string.Join(", ", ProcessKinds.Select(Selector.Keyword))}";
                throw new VsException(ExitCode.Usage, $"--service {text}: {error}");
            }

            string name = named.Success ? named.Groups[1].Value : Unused(Guess(selector), services);
            int index = services.FindIndex(service => service.Name == name);
            if (index < 0) services.Add(new Service(name, [selector]));
            else services[index] = services[index] with { Match = [.. services[index].Match, selector] };
        }

        return services;
    }

    /// <summary>The name, with a number behind it where it is taken.</summary>
    internal static string Unused(string name, IReadOnlyList<Service> services)
    {
        string candidate = name;
        for (int number = 2; services.Any(service => service.Name == candidate); number++)
            candidate = string.Create(CultureInfo.InvariantCulture, $"{name}-{number}");
        return candidate;
    }

    private static string Guess(Selector selector)
    {
        string name = selector.Kind switch
        {
            SelectorKind.Unit => Path.GetFileNameWithoutExtension(selector.Value),
            SelectorKind.Cgroup => Path.GetFileNameWithoutExtension(selector.Value.TrimEnd('/')),
            SelectorKind.Exe => Path.GetFileName(selector.Value),
            SelectorKind.Uid => $"uid-{selector.Value}",
            _ => OldestComm(selector),
        };
        name = Unusual().Replace(name, "-").Trim('-');
        return name.Length > 0 ? name : "service";
    }

    private static string OldestComm(Selector selector)
    {
        ProcessTable processes = ProcessTable.Scan();
        return SelectorResolver.Resolve([selector], processes, SocketTable.Dump())
            .Select(processes.Find)
            .OfType<Model.Sessions.ProcessRecord>()
            .MinBy(process => (process.StartTimeNs, process.Pid))?.Comm ?? "service";
    }

    [GeneratedRegex(@"^([A-Za-z0-9_.-]+)=(?=[a-z]+:)")]
    private static partial Regex Named();

    [GeneratedRegex("[^A-Za-z0-9_.-]+")]
    private static partial Regex Unusual();
}
