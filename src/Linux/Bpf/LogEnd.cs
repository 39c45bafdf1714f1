namespace VirtualServices.Linux.Bpf;

/// <summary>What decides in a log of libbpf: the verifier tells its way first and the reason last.</summary>
internal static class LogEnd
{
    private const int Lines = 3;
    private const string Begin = "-- BEGIN PROG LOAD LOG --", End = "-- END PROG LOAD LOG --";

    /// <summary>The last lines of the verifier's own words where there are some, else of the whole log; without the verifier's statistics.</summary>
    public static string Of(string log)
    {
        int begin = log.LastIndexOf(Begin, StringComparison.Ordinal), end = log.LastIndexOf(End, StringComparison.Ordinal);
        string[] all = log.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        string[] verifier = end < 0 ? [] : log[(begin < 0 || begin > end ? 0 : begin + Begin.Length)..end].Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        string[] said = [.. verifier.Where(line => !line.StartsWith("libbpf: ", StringComparison.Ordinal) && !line.StartsWith("processed ", StringComparison.Ordinal))];
        return string.Join("; ", (said.Length > 0 ? said : all).TakeLast(Lines));
    }
}
