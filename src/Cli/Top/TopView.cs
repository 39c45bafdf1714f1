using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Enforce.Watching;

namespace VirtualServices.Cli.Top;

/// <summary>What is shown: samples taken in turn, the history of each virtual service, and what the keys chose.</summary>
/// <param name="cpus">CPUs of the machine.</param>
internal sealed class TopView(int cpus)
{
    private const int HistoryLength = 240;
    private readonly Dictionary<string, List<double>> _history = new(StringComparer.Ordinal);
    private IReadOnlyList<VirtualServiceRate> _rates = [];
    private EnforcementStatus _status = EnforcementStatus.Nothing;
    private int _scroll;

    /// <summary>Order of siblings.</summary>
    public TopSort Sort { get; set; } = TopSort.Used;

    /// <summary>Services are shown below their virtual service.</summary>
    public bool Services { get; set; } = true;

    /// <summary>The picture stands still; samples go on.</summary>
    public bool Paused { get; private set; }

    /// <summary>What the last interval was like.</summary>
    public IReadOnlyList<VirtualServiceRate> Rates => _rates;

    /// <summary>Time between the last two samples; 0 where there is only one.</summary>
    public double Seconds { get; private set; }

    /// <summary>The last status.</summary>
    public EnforcementStatus Status => _status;

    /// <summary>Takes a sample.</summary>
    /// <param name="status">Status now.</param>
    public void Add(EnforcementStatus status)
    {
        double seconds = _status.TakenNs == 0 || status.TakenNs == 0 ? 0 : (status.TakenNs - _status.TakenNs) / 1e9;
        Seconds = seconds;
        IReadOnlyList<VirtualServiceRate> rates = UseRates.Between(_status, status, seconds, cpus);
        if (seconds > 0)
        {
            foreach (string gone in _history.Keys.Except(rates.Select(rate => rate.Name)).ToList()) _history.Remove(gone);
            foreach (VirtualServiceRate rate in rates)
            {
                if (!_history.TryGetValue(rate.Name, out List<double>? line)) _history[rate.Name] = line = [];
                line.Add(rate.Total.Cpus);
                if (line.Count > HistoryLength) line.RemoveAt(0);
            }
        }

        (_rates, _status) = (rates, status);
    }

    /// <summary>Does what a key asks for.</summary>
    /// <returns>False where it asks to end.</returns>
    public bool Press(ConsoleKeyInfo key)
    {
        switch (key.Key, char.ToLowerInvariant(key.KeyChar))
        {
            case (ConsoleKey.Escape, _) or (_, 'q') or (_, '\u0003'): return false;
            case (_, 'u'): Sort = TopSort.Used; break;
            case (_, 'e'): Sort = TopSort.Entitled; break;
            case (_, 'r'): Sort = TopSort.Requests; break;
            case (_, 'w'): Sort = TopSort.Waiting; break;
            case (_, 'k'): Sort = TopSort.Unknown; break;
            case (_, 'n'): Sort = TopSort.Name; break;
            case (_, 's'): Services = !Services; break;
            case (_, ' '): Paused = !Paused; break;
            case (ConsoleKey.DownArrow, _): _scroll++; break;
            case (ConsoleKey.UpArrow, _): _scroll--; break;
            case (ConsoleKey.PageDown, _): _scroll += 10; break;
            case (ConsoleKey.PageUp, _): _scroll -= 10; break;
            case (ConsoleKey.Home, _): _scroll = 0; break;
        }

        return true;
    }

    /// <summary>A picture for a terminal: never more lines, never wider.</summary>
    public List<string> Picture(DateTimeOffset time, int width, int height)
    {
        List<string> lines = [Cut(Title(time), width), Cut(StatusReader.Describe(_status), width), .. Table(width).Select(line => Cut(line, width))];
        const int Above = 3;
        int room = Math.Max(0, height - Above - 1), rows = lines.Count - Above;
        _scroll = Math.Clamp(_scroll, 0, Math.Max(0, rows - room));
        string more = rows > room ? string.Create(CultureInfo.InvariantCulture, $" · {rows - room - _scroll} more below") : "";
        lines = [.. lines.Take(Above), .. lines.Skip(Above + _scroll).Take(room), Cut($"q quit  sort: u e r w k n  s services  space pause  arrows{more}", width)];
        return [.. lines.Take(height)];
    }

    /// <summary>The table alone, for output that is no terminal; below it, one line for the limits of each kind and one for requests that are held.</summary>
    public List<string> Table(int width)
    {
        List<string> lines = TopTable.Lines(TopRow.Of(_rates, _history.ToDictionary(line => line.Key, line => (IReadOnlyList<double>)line.Value), Sort, Services), cpus, width);
        foreach (IGrouping<string, LimitUse> kind in _status.Limits.GroupBy(limit => limit.What).OrderBy(kind => kind.Key, StringComparer.Ordinal)) lines.Add(Cut($"{kind.Key}: {string.Join(", ", kind.OrderByDescending(limit => (double)limit.Used / limit.Limit).Select(limit => string.Create(CultureInfo.InvariantCulture, $"{Printable.Text(limit.VirtualService)} {limit.Used} of {limit.Limit}{(limit.Hits > 0 ? $" (met {limit.Hits} times)" : "")}")))}", width));
        if (_status.Admission.Any(use => use.Held > 0))
            lines.Add(Cut($"held: {string.Join(", ", _status.Admission.Where(use => use.Held > 0).OrderByDescending(use => use.HeldWaiting).Select(use => string.Create(CultureInfo.InvariantCulture, $"{Printable.Text(use.VirtualService)} at {Printable.Text(use.Service)} {use.HeldWaiting} requests on {use.Held} connections")))}", width));
        return lines;
    }

    /// <summary>The first line.</summary>
    public string Title(DateTimeOffset time) => string.Create(
        CultureInfo.InvariantCulture,
        $"vs top {time.UtcDateTime:HH:mm:ss} UTC · {cpus} CPUs · rule set {_status.Generation} · by {Sort.ToString().ToLowerInvariant()}{(Paused ? " · paused" : "")}");

    private static string Cut(string text, int width) => TopTable.Cut(text, width).TrimEnd();
}
