namespace VirtualServices.Infer.Report;

/// <summary>Sample requests over time: a row for each process, a bar for what it did, a line from who asked to who was asked.</summary>
internal static class ReportTimeline
{
    private const int Width = 960, Left = 220, Right = 20, Top = 30, RowHeight = 34, BarHeight = 14, Ticks = 4, LongestName = 26;

    public static void Write(Html html, InferenceResult result, Palette palette)
    {
        if (result.Samples.Count == 0) html.Raw("<p>No request of a recorded service was seen.</p>\n");
        foreach (SampleRequest sample in result.Samples) Sample(html, sample, palette);
    }

    private static void Sample(Html html, SampleRequest sample, Palette palette)
    {
        (string Service, int Pid)[] rows = [.. sample.Steps.Select(step => (step.Service, step.Pid)).Distinct()];
        double length = Math.Max(sample.Steps.Max(step => step.UntilNs), 1);
        int height = Top + rows.Length * RowHeight + 10;
        int services = rows.Select(row => row.Service).Distinct(StringComparer.Ordinal).Count();
        html.Raw("<section class=\"panel\">").Element("h3", "A request to " + sample.Service);
        html.Raw($"<p><span class=\"dot {palette.Fill(sample.VirtualService)}\"></span>").Text(sample.VirtualService is { } vs ? $"For {vs}: " : "For whom is not known: ").Text($"{Words.Time(length)}, {Words.Count(services, "service", "services")}, {Words.Count(rows.Length, "process", "processes")}.")
            .Raw("</p>\n");
        html.Raw($"<svg viewBox=\"0 0 {Width} {height}\" role=\"img\" aria-label=\"What each process did for the request, over time\">\n");
        for (int i = 0; i <= Ticks; i++)
        {
            double x = X(length * i / Ticks);
            html.Raw("<path class=\"grid\" d=\"M ").Number(x).Raw($" {Top - 8} V {height}\"/><text class=\"small\" text-anchor=\"{(i == Ticks ? "end" : "middle")}\" x=\"").Number(x).Raw($"\" y=\"{Top - 14}\">").Text(i == 0 ? "0" : Words.Time(length * i / Ticks)).Raw("</text>\n");
        }

        for (int i = 0; i < rows.Length; i++)
        {
            string name = rows[i].Service.Length > LongestName ? rows[i].Service[..(LongestName - 1)] + "…" : rows[i].Service;
            html.Raw("<text x=\"0\" y=\"").Number(Middle(i) + 1).Raw("\">").Text(name.Length > 0 ? name : "unknown").Raw("</text><text class=\"small\" x=\"0\" y=\"").Number(Middle(i) + 14).Raw("\">").Text(rows[i].Pid > 0 ? $"process {rows[i].Pid}" : "not recorded").Raw("</text>\n");
        }

        foreach (RequestStep step in sample.Steps)
        {
            int row = Array.IndexOf(rows, (step.Service, step.Pid));
            double from = X(step.FromNs), until = Math.Max(X(step.UntilNs), from + 2);
            html.Raw($"<rect class=\"{(step.Pid > 0 ? palette.Fill(sample.VirtualService) : "fn")} span\" rx=\"3\" x=\"").Number(from).Raw("\" y=\"").Number(Middle(row) - BarHeight / 2.0).Raw("\" width=\"").Number(until - from).Raw($"\" height=\"{BarHeight}\"><title>")
                .Text($"{step.Service}{(step.Pid > 0 ? $", process {step.Pid}" : "")}: {Words.Time(step.UntilNs - step.FromNs)}{(step.HowKnown.Length > 0 ? "; " + step.HowKnown : "")}").Raw("</title></rect>\n");
            if (step.Parent < 0) continue;
            RequestStep parent = sample.Steps[step.Parent];
            int above = Array.IndexOf(rows, (parent.Service, parent.Pid));
            html.Raw("<path class=\"ask\" d=\"M ").Number(X(step.SentNs)).Raw(" ").Number(Middle(above) + BarHeight / 2.0).Raw(" L ").Number(from).Raw(" ").Number(Middle(row) - (row == above ? 0 : BarHeight / 2.0)).Raw("\"/>\n");
        }

        html.Raw("</svg>\n<details><summary>Steps</summary><table><tr><th>who</th><th>asked by</th><th class=\"n\">asked at</th><th class=\"n\">took</th><th>known by</th></tr>\n");
        foreach (RequestStep step in sample.Steps)
        {
            html.Raw("<tr><td>").Text(step.Service).Raw(step.Pid > 0 ? $" <span class=\"soft\">process {step.Pid}</span>" : "").Raw("</td><td>").Text(step.Parent < 0 ? "" : sample.Steps[step.Parent].Service).Raw("</td><td class=\"n\">")
                .Text(Words.Time(step.SentNs)).Raw("</td><td class=\"n\">").Text(Words.Time(step.UntilNs - step.FromNs)).Raw("</td><td>").Text(step.HowKnown).Raw("</td></tr>\n");
        }

        html.Raw("</table><p class=\"soft\">session <code>").Text(sample.Session).Raw("</code>, from ").Text(sample.StartNs.ToString(System.Globalization.CultureInfo.InvariantCulture)).Raw(" ns of its clock</p></details></section>\n");

        double X(double ns) => Left + (Width - Left - Right) * ns / length;

        static double Middle(int row) => Top + row * RowHeight + RowHeight / 2.0;
    }
}
