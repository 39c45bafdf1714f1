using System.Globalization;

namespace VirtualServices.Cli.Top;

/// <summary>Lays rows out as lines that are never wider than the terminal. Columns that do not fit are left out, the least important first.</summary>
internal static class TopTable
{
    private const int LeastName = 12, MostName = 40, HistoryWidth = 12;

    private sealed record Column(string Header, int Width, int Importance, Func<TopRow, int, string> Text);

    private static readonly Column[] Columns =
    [
        new("USED%", 6, 10, (row, cpus) => Percent(row.Rate.Cpus, cpus)),
        new("ENTI%", 6, 9, (row, cpus) => row.Entitled is { } entitled ? entitled > 0 ? Percent(entitled, cpus) : "-" : ""),
        new("HISTORY", HistoryWidth, 4, (row, cpus) => Sparkline.Draw(row.History, cpus, HistoryWidth)),
        new("REQ/S", 8, 8, (row, _) => Number(row.Rate.Requests)),
        new("UNKN/S", 7, 6, (row, _) => Number(row.Rate.UnknownRequests)),
        new("WAIT", 6, 7, (row, _) => row.Rate.Waiting.ToString("F2", CultureInfo.InvariantCulture)),
        new("PROC", 5, 3, (row, _) => Number(row.Now.Processes)),
        new("CONN", 5, 5, (row, _) => Number(row.Now.Connections)),
    ];

    /// <summary>The header, then a line for each row.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="cpus">CPUs of the machine: percentages are of all of them.</param>
    /// <param name="width">Columns of the terminal.</param>
    public static List<string> Lines(IReadOnlyList<TopRow> rows, int cpus, int width)
    {
        List<Column> shown = [.. Columns];
        while (shown.Count > 0 && width - shown.Sum(column => column.Width + 1) < LeastName) shown.Remove(shown.MinBy(column => column.Importance)!);
        int name = Math.Clamp(width - shown.Sum(column => column.Width + 1), 0, MostName);
        return
        [
            Cut("VIRTUAL SERVICE", name) + string.Concat(shown.Select(column => ' ' + column.Header.PadLeft(column.Width))),
            .. rows.Select(row => Cut(new string(' ', 2 * row.Depth) + Printable.Text(row.Name), name) + string.Concat(shown.Select(column => ' ' + column.Text(row, cpus).PadLeft(column.Width)))),
        ];
    }

    /// <summary>Text of exactly this many characters; what is cut ends with '~'.</summary>
    internal static string Cut(string text, int width) => text.Length <= width ? text.PadRight(width) : width == 0 ? "" : string.Concat(text.AsSpan(0, width - 1), "~");

    private static string Percent(double part, int whole) => (part / whole * 100).ToString("F1", CultureInfo.InvariantCulture);

    private static string Number(double number) => number switch
    {
        0 => "0",
        < 9.95 => number.ToString("F1", CultureInfo.InvariantCulture),
        < 99_999.5 => number.ToString("F0", CultureInfo.InvariantCulture),
        < 9_995_000 => (number / 1e3).ToString("F0", CultureInfo.InvariantCulture) + "k",
        _ => (number / 1e6).ToString("F0", CultureInfo.InvariantCulture) + "M",
    };

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
