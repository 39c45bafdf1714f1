namespace VirtualServices.Model;

/// <summary>Chooses processes (or, for <see cref="SelectorKind.Client"/> and <see cref="SelectorKind.Host"/>, connections).</summary>
/// <param name="Kind">What the value is compared with.</param>
/// <param name="Value">The value as written, for instance <c>tcp/5432</c>, <c>shop-web.service</c>, <c>1000</c>.</param>
public sealed record Selector(SelectorKind Kind, string Value)
{
    /// <summary>True where it chooses processes, by what they are or hold.</summary>
    public static bool ChoosesProcesses(SelectorKind kind) => kind is not (SelectorKind.Client or SelectorKind.Host);

    /// <summary>The selector as the command line and messages spell it: <c>listen:tcp/5432</c>.</summary>
    public override string ToString() => $"{Keyword(Kind)}:{Value}";

    /// <summary>The keyword of a kind on the command line and in a rule file: lower case.</summary>
    public static string Keyword(SelectorKind kind) => kind switch
    {
        SelectorKind.Unit => "unit",
        SelectorKind.Cgroup => "cgroup",
        SelectorKind.Uid => "uid",
        SelectorKind.Exe => "exe",
        SelectorKind.Pid => "pid",
        SelectorKind.Listen => "listen",
        SelectorKind.Client => "client",
        SelectorKind.Host => "host",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "unknown selector kind"),
    };

    /// <summary>Reads <c>KIND:VALUE</c> and checks the value of its kind.</summary>
    /// <returns>False, with what was expected in <paramref name="error"/>, where the text is not a selector.</returns>
    public static bool TryParse(string text, out Selector selector, out string error) => TryParse(text, Enum.GetValues<SelectorKind>(), out selector, out error);

    /// <summary>The same where not every kind makes sense.</summary>
    public static bool TryParse(string text, IReadOnlyCollection<SelectorKind> kinds, out Selector selector, out string error)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(kinds);
        selector = new Selector(SelectorKind.Pid, "");
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0)
        {
            error = $"'{text}' is not KIND:VALUE with KIND one of {string.Join(", ", kinds.Select(Keyword))}";
            return false;
        }

        string keyword = text[..colon];
        foreach (SelectorKind kind in kinds)
        {
            if (Keyword(kind) != keyword) continue;
            selector = new Selector(kind, text[(colon + 1)..]);
            return selector.TryValidate(out error);
        }

        error = $"unknown kind '{keyword}' in '{text}': expected one of {string.Join(", ", kinds.Select(Keyword))}";
        return false;
    }

    /// <summary>Checks that the value fits its kind.</summary>
    public bool TryValidate(out string error)
    {
        error = Kind switch
        {
            SelectorKind.Unit when Value.Length == 0 || Value.Contains('/', StringComparison.Ordinal) => $"'{Value}' is not the name of a unit such as shop-web.service",
            SelectorKind.Cgroup when !Value.StartsWith('/') => $"'{Value}' is not a cgroup path: it begins with '/'",
            SelectorKind.Exe when !Value.StartsWith('/') => $"'{Value}' is not the absolute path of an executable",
            SelectorKind.Uid when !uint.TryParse(Value, out _) => $"'{Value}' is not a numeric user id 0..4294967295",
            SelectorKind.Pid when !int.TryParse(Value, out int pid) || pid <= 0 => $"'{Value}' is not a process id 1..2147483647",
            SelectorKind.Listen when !ListenAddress.TryParse(Value, out _) => $"'{Value}' is not a listening address such as tcp/5432, tcp/127.0.0.1:5432, udp/53 or unix//run/x.sock",
            SelectorKind.Client when !System.Net.IPNetwork.TryParse(Value, out _) => $"'{Value}' is not a network such as 10.1.0.0/16",
            SelectorKind.Host when !HostName.TryParse(Value, out _) => $"'{Value}' is not {HostName.Expected}",
            _ => "",
        };
        return error.Length == 0;
    }
}
