using VirtualServices.Infer.Report;
using VirtualServices.Model;

namespace VirtualServices.Infer;

/// <summary>Writes the report: one page that needs nothing else, for light and dark screens.</summary>
public static class ReportWriter
{
    /// <summary>Writes the page.</summary>
    public static void Write(InferenceResult result, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(output);
        var html = new Html(output);
        var palette = new Palette(result);

        // The policy keeps the page from loading or running anything, even if an escape were missed.
        html.Raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .Raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n")
            .Raw("<title>Who works for whom</title>\n<style>\n").Raw(ReportStyle.Css).Raw("\n</style>\n</head>\n<body>\n<main>\n");
        Head(html, result);
        html.Raw("<h2>Who asks whom</h2>\n<div class=\"panel\">\n");
        ReportMap.Write(html, result, palette);
        html.Raw("</div>\n<h2>Virtual services</h2>\n");
        VirtualServices(html, result, palette);
        html.Raw("<h2>Proposed gates</h2>\n");
        ReportGates.Write(html, result, palette);
        html.Raw("<h2>One request, from process to process</h2>\n");
        ReportTimeline.Write(html, result, palette);
        html.Raw("<h2>Whose work the CPU time was</h2>\n");
        foreach (ServiceFinding service in result.Services.Where(s => s.Shared)) Coverage(html, service, result, palette);
        html.Raw("<h2>What is unknown, and why</h2>\n");
        Unknowns(html, result);
        html.Raw("</main>\n</body>\n</html>\n");
    }

    private static void Head(Html html, InferenceResult result)
    {
        int shared = result.Services.Count(s => s.Shared);
        html.Raw("<h1>Who works for whom</h1>\n<p class=\"soft\">Proposed from recordings. Nothing here is enforced before a person approves it.</p>\n<ul class=\"facts\">\n");
        Fact(html, result.Sessions.Count, "session", "sessions");
        Fact(html, result.Sessions.Sum(s => s.Events), "event", "events");
        Fact(html, result.Sessions.Sum(s => s.LostEvents), "event lost", "events lost");
        Fact(html, shared, "shared service", "shared services");
        Fact(html, result.Rules.VirtualServices.Count - 1, "tenant", "tenants");
        Fact(html, result.Rules.Gates.Count, "gate proposed", "gates proposed");
        html.Raw("</ul>\n");
    }

    private static void Fact(Html html, long count, string one, string many) =>
        html.Raw("<li><b>").Count(count).Raw("</b> ").Text(count == 1 ? one : many).Raw("</li>\n");

    private static void VirtualServices(Html html, InferenceResult result, Palette palette)
    {
        html.Raw("<div class=\"panel\"><table><tr><th>name</th><th>front doors</th><th class=\"n\">weight</th></tr>\n");
        foreach (VirtualService vs in result.Rules.VirtualServices)
        {
            html.Raw($"<tr><td><span class=\"dot {palette.Fill(vs.Name)}\"></span>").Text(vs.Name).Raw("</td><td>");
            if (vs.FrontDoors.Count == 0) html.Raw("<span class=\"soft\">work that belongs to nobody</span>");
            for (int i = 0; i < vs.FrontDoors.Count; i++) html.Raw(i == 0 ? "<code>" : ", <code>").Text(vs.FrontDoors[i].ToString()).Raw("</code>");
            html.Raw("</td><td class=\"n\">").Count(vs.Cpu.Weight).Raw("</td></tr>\n");
        }

        html.Raw("</table></div>\n");
    }

    private static void Coverage(Html html, ServiceFinding service, InferenceResult result, Palette palette)
    {
        double total = service.CpuForNobodyNs + service.Cpu.Sum(c => (double)c.Ns);
        html.Raw("<section class=\"panel\">").Element("h3", service.Name);
        if (total <= 0)
        {
            html.Raw("<p class=\"soft\">The sessions hold no CPU times of this service.</p></section>\n");
            return;
        }

        bool gated = result.Rules.Gates.Any(g => g.Service == service.Name);
        html.Raw("<p>").Text(Words.Time(total)).Raw(" of CPU time; the work of ").Text(Words.Percent(1 - service.CpuForNobodyNs / total)).Raw(" is known.")
            .Raw(gated ? " It was done for:" : " Without a gate all of it stays with the service; it was done for:").Raw("</p>\n<div class=\"bar\">");
        foreach (CpuPart part in service.Cpu) html.Raw($"<span class=\"{palette.Fill(part.VirtualService)}\" style=\"flex:").Number(part.Ns / total * 1000).Raw("\"></span>");
        html.Raw("<span class=\"fn\" style=\"flex:").Number(service.CpuForNobodyNs / total * 1000).Raw("\"></span></div>\n<ul class=\"legend\">");
        foreach (CpuPart part in service.Cpu)
        {
            html.Raw($"<li><span class=\"dot {palette.Fill(part.VirtualService)}\"></span>").Text(part.VirtualService).Raw(" ").Text(Words.Percent(part.Ns / total)).Raw(" <span class=\"soft\">").Text(Words.Time(part.Ns)).Raw("</span></li>");
        }

        html.Raw("<li><span class=\"dot fn\"></span>nobody ").Text(Words.Percent(service.CpuForNobodyNs / total)).Raw(" <span class=\"soft\">").Text(Words.Time(service.CpuForNobodyNs)).Raw("</span></li></ul>\n");
        html.Raw("<details><summary>Requests</summary><table><tr><th>at</th><th>from</th><th>for</th><th class=\"n\">connections</th><th class=\"n\">requests</th></tr>\n");
        foreach (Flow flow in service.Flows)
        {
            html.Raw("<tr><td><code>").Text(flow.Listen.Length > 0 ? flow.Listen : "unknown address").Raw("</code></td><td>").Text(flow.From.Length > 0 ? flow.From : "unknown").Raw($"</td><td><span class=\"dot {palette.Fill(flow.VirtualService)}\"></span>")
                .Text(flow.VirtualService ?? "unknown").Raw("</td><td class=\"n\">").Count(flow.Connections).Raw("</td><td class=\"n\">").Count(flow.Requests).Raw("</td></tr>\n");
        }

        html.Raw("</table></details></section>\n");
    }

    private static void Unknowns(Html html, InferenceResult result)
    {
        if (result.Unknowns.Count == 0)
        {
            html.Raw("<p>Nothing: every request and every process is accounted for.</p>\n");
            return;
        }

        html.Raw("<div class=\"panel\"><table><tr><th>where</th><th>why</th><th class=\"n\">how many</th><th class=\"n\">CPU time</th></tr>\n");
        foreach (Unknown unknown in result.Unknowns)
        {
            html.Raw("<tr><td>").Text(unknown.Subject).Raw("</td><td>").Text(unknown.Reason).Raw("</td><td class=\"n\">");
            if (unknown.Count > 0) html.Count(unknown.Count);
            html.Raw("</td><td class=\"n\">").Text(unknown.CpuNs > 0 ? Words.Time(unknown.CpuNs) : "").Raw("</td></tr>\n");
        }

        html.Raw("</table></div>\n");
    }
}
