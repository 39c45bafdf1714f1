using System.Globalization;
using System.Text;

namespace VirtualServices.Bench.Inference;

/// <summary>Time and memory against the length of the session, both axes logarithmic: what grows linearly is a straight line that rises as the dotted one does.</summary>
internal static class InferPlot
{
    private const double Width = 420, Height = 320, Left = 60, Top = 30, Gap = 70;
    private static readonly string[] Colours = ["#2563b8", "#c2571a", "#0f8a7e", "#8c3fa8", "#9a7400"];

    public static string Of(IReadOnlyList<InferRun> runs)
    {
        StringBuilder svg = new();
        string[] names = [.. runs.Select(run => run.Name).Distinct()];
        double legend = Top + Height + 60;
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {2 * (Left + Width) + Gap} {legend + 20 * names.Length}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
        Chart(svg, Left, "CPU time, s", runs, names, run => run.Cpu, 0.1, 100, slope: true);
        Chart(svg, 2 * Left + Width + Gap / 2, "largest memory, MiB", runs, names, run => run.MemoryKib / 1024.0, 10, 1000, slope: false);
        for (int i = 0; i < names.Length; i++)
        {
            double y = legend + 20 * i;
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Left}\" y=\"{y - 10}\" width=\"12\" height=\"12\" fill=\"{Colours[i % Colours.Length]}\"/><text x=\"{Left + 20}\" y=\"{y}\">{runs.First(run => run.Name == names[i]).Title}</text>\n");
        }

        return svg.Append("</svg>\n").ToString();
    }

    private static void Chart(StringBuilder svg, double left, string title, IReadOnlyList<InferRun> runs, string[] names, Func<InferRun, double> value, double least, double most, bool slope)
    {
        const double LeastMillions = 1, MostMillions = 100;
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{left}\" y=\"{Top - 12}\">{title}</text><rect x=\"{left}\" y=\"{Top}\" width=\"{Width}\" height=\"{Height}\" fill=\"none\" stroke=\"#999\"/>\n");
        for (double tick = LeastMillions; tick <= MostMillions; tick *= 10)
            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M {X(tick):F1} {Top} v {Height}\" stroke=\"#ddd\"/><text x=\"{X(tick):F1}\" y=\"{Top + Height + 18}\" text-anchor=\"middle\">{tick}</text>\n");
        for (double tick = least; tick <= most; tick *= 10)
            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M {left} {Y(tick):F1} h {Width}\" stroke=\"#ddd\"/><text x=\"{left - 6}\" y=\"{Y(tick) + 4:F1}\" text-anchor=\"end\">{tick}</text>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{left + Width / 2}\" y=\"{Top + Height + 36}\" text-anchor=\"middle\">million events</text>\n");
        if (slope) svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M {X(1):F1} {Y(0.5):F1} L {X(100):F1} {Y(50):F1}\" stroke=\"#333\" stroke-dasharray=\"2 4\"/><text x=\"{X(12):F1}\" y=\"{Y(12):F1}\" text-anchor=\"end\">2 million a second</text>\n");
        else svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M {X(1):F1} {Y(500):F1} L {X(100):F1} {Y(500):F1}\" stroke=\"#333\" stroke-dasharray=\"2 4\"/><text x=\"{X(1) + 8:F1}\" y=\"{Y(500) - 6:F1}\">500 MiB</text>\n");
        for (int i = 0; i < names.Length; i++)
        {
            InferRun[] own = [.. runs.Where(run => run.Name == names[i])];
            string points = string.Join(" ", own.Select(run => string.Create(CultureInfo.InvariantCulture, $"{X(run.Millions):F1},{Y(value(run)):F1}")));
            svg.Append(CultureInfo.InvariantCulture, $"<polyline points=\"{points}\" fill=\"none\" stroke=\"{Colours[i % Colours.Length]}\" stroke-width=\"2\"/>\n");
            foreach (InferRun run in own) svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{X(run.Millions):F1}\" cy=\"{Y(value(run)):F1}\" r=\"3.5\" fill=\"{Colours[i % Colours.Length]}\"/>\n");
        }

        double X(double millions) => left + Width * Math.Log10(millions / LeastMillions) / Math.Log10(MostMillions / LeastMillions);

        double Y(double at) => Top + Height * (1 - Math.Log10(Math.Clamp(at, least, most) / least) / Math.Log10(most / least));
    }
}
