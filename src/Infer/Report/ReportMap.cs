namespace VirtualServices.Infer.Report;

/// <summary>The map: who asks which service for which virtual service, as a drawing.</summary>
internal static class ReportMap
{
    private const int Width = 960;
    private const int BoxWidth = 260;
    private const int BoxHeight = 46;
    private const int Gap = 22;
    private const int Top = 34;
    private const double ThinnestLine = 2;
    private const double ThickestLine = 16;

    public static void Write(Html html, InferenceResult result, Palette palette)
    {
        (string? Vs, ServiceFinding Service, long Requests)[] flows = [.. result.Services
            .Where(s => s.Shared)
            .SelectMany(s => s.Flows.GroupBy(f => f.VirtualService).Select(g => (Vs: g.Key, Service: s, Requests: g.Sum(f => f.Requests))))
            .OrderBy(f => f.Vs is null).ThenBy(f => f.Vs, StringComparer.Ordinal).ThenBy(f => f.Service.Name, StringComparer.Ordinal)];
        if (flows.Length == 0)
        {
            html.Raw("<p class=\"soft\">No recorded service was asked by anybody: there is nothing to draw.</p>\n");
            return;
        }

        string?[] left = [.. palette.Names.Where(n => flows.Any(f => f.Vs == n)), .. flows.Any(f => f.Vs is null) ? new string?[] { null } : []];
        ServiceFinding[] right = [.. flows.Select(f => f.Service).Distinct().OrderBy(s => s.Name, StringComparer.Ordinal)];
        int rows = Math.Max(left.Length, right.Length);
        int height = Top + rows * (BoxHeight + Gap);
        double most = flows.Max(f => f.Requests);
        html.Raw($"<svg viewBox=\"0 0 {Width} {height}\" role=\"img\" aria-label=\"Which virtual services ask which shared services\">\n");
        html.Raw($"<text class=\"small\" x=\"4\" y=\"16\">virtual services</text><text class=\"small\" x=\"{Width - BoxWidth}\" y=\"16\">shared services</text>\n");
        foreach ((string? vs, ServiceFinding service, long requests) in flows)
        {
            double from = Middle(Array.IndexOf(left, vs), left.Length, rows);
            double to = Middle(Array.IndexOf(right, service), right.Length, rows);
            double width = ThinnestLine + (ThickestLine - ThinnestLine) * Math.Sqrt(requests / most);
            html.Raw($"<path class=\"flow {palette.Stroke(vs)}\" stroke-width=\"").Number(width).Raw($"\" d=\"M {BoxWidth} ").Number(from)
                .Raw(" C ").Number(Width / 2.0).Raw(" ").Number(from).Raw(" ").Number(Width / 2.0).Raw(" ").Number(to)
                .Raw($" {Width - BoxWidth} ").Number(to).Raw("\"><title>").Text($"{vs ?? "unknown"} asks {service.Name}: {Words.Count(requests, "request", "requests")}").Raw("</title></path>\n");
        }

        for (int i = 0; i < left.Length; i++)
        {
            double y = Middle(i, left.Length, rows) - BoxHeight / 2.0;
            string? vs = left[i];
            long requests = flows.Where(f => f.Vs == vs).Sum(f => f.Requests);
            Box(html, 0, y, vs ?? "unknown", Words.Count(requests, "request", "requests"), palette.Fill(vs));
        }

        for (int i = 0; i < right.Length; i++)
        {
            double y = Middle(i, right.Length, rows) - BoxHeight / 2.0;
            Box(html, Width - BoxWidth, y, right[i].Name, ModelEvidence.NameOf(right[i].Model), null);
        }

        html.Raw("</svg>\n");
    }

    private static double Middle(int index, int count, int rows) =>
        Top + (rows - count) * (BoxHeight + Gap) / 2.0 + index * (BoxHeight + Gap) + BoxHeight / 2.0;

    private static void Box(Html html, double x, double y, string title, string subtitle, string? fill)
    {
        const int LongestTitle = 28;
        html.Raw("<g><rect class=\"box\" rx=\"8\" x=\"").Number(x + 0.5).Raw("\" y=\"").Number(y).Raw($"\" width=\"{BoxWidth - 1}\" height=\"{BoxHeight}\"/>");
        if (fill is not null) html.Raw($"<rect class=\"{fill}\" rx=\"3\" x=\"").Number(x + 9).Raw("\" y=\"").Number(y + 10).Raw($"\" width=\"6\" height=\"{BoxHeight - 20}\"/>");
        string shown = title.Length > LongestTitle ? title[..(LongestTitle - 1)] + "…" : title;
        html.Raw("<text x=\"").Number(x + 26).Raw("\" y=\"").Number(y + 20).Raw("\">").Text(shown).Raw("</text><text class=\"small\" x=\"").Number(x + 26).Raw("\" y=\"").Number(y + 37).Raw("\">").Text(subtitle).Raw("</text><title>").Text(title).Raw("</title></g>\n");
    }
}
