namespace VirtualServices.Cli.Top;

/// <summary>A line of the last values, one character each.</summary>
internal static class Sparkline
{
    private const string Bars = "▁▂▃▄▅▆▇█";

    /// <summary>Draws the last values at the right; blanks where there are none yet.</summary>
    /// <param name="values">Oldest first.</param>
    /// <param name="full">Value of a full bar.</param>
    /// <param name="width">Characters.</param>
    public static string Draw(IEnumerable<double> values, double full, int width)
    {
        double[] last = [.. values.TakeLast(width)];
        return string.Create(width, (last, full), static (to, from) =>
        {
            to.Fill(' ');
            for (int i = 0; i < from.last.Length; i++) to[to.Length - from.last.Length + i] = Bar(from.last[i], from.full);
        });
    }

    // Nothing at all is a blank, so that little can be told from nothing.
    private static char Bar(double value, double full)
    {
        if (value <= 0 || full <= 0) return ' ';
        return Bars[Math.Clamp((int)Math.Ceiling(value / full * Bars.Length) - 1, 0, Bars.Length - 1)];
    }
}
