using VirtualServices.Model;

namespace VirtualServices.Infer.Report;

/// <summary>A card per proposed gate, in words.</summary>
internal static class ReportGates
{
    public static void Write(Html html, InferenceResult result, Palette palette)
    {
        if (result.Rules.Gates.Count == 0) html.Raw("<p>No gate is proposed. The list of what is unknown says why.</p>\n");
        foreach (Gate gate in result.Rules.Gates) Card(html, gate, result.Services.First(s => s.Name == gate.Service), palette);
    }

    private static void Card(Html html, Gate gate, ServiceFinding service, Palette palette)
    {
        GateEvidence evidence = gate.Evidence!;
        html.Raw("<section class=\"panel\">").Element("h3", gate.Id);
        html.Raw("<p>When a process of <b>").Text(gate.Service).Raw("</b> receives a request");
        if (gate.When.Listen is { } listen) html.Raw(" on a connection accepted at <code>").Text(listen.ToString()).Raw("</code>");
        html.Raw(", ").Text(Effect(gate.Binds)).Raw("</p>\n<code class=\"rule\">")
            .Text($"on: {Word(gate.On)}  when: {{ {(gate.When.Listen is null ? "" : $"listen: {gate.When.Listen} ")}}}  classify: {Word(gate.Classify.Kind)}  binds: {Word(gate.Binds)}").Raw("</code>\n");
        html.Raw("<p>");
        if (evidence.Contradicted == 0) html.Raw("<span class=\"tag good\">nothing contradicts</span> ");
        else html.Raw("<span class=\"tag bad\">").Count(evidence.Contradicted).Raw(" contradicted</span> ");
        if (evidence.LostEvents > 0) html.Raw("<span class=\"tag warn\">").Count(evidence.LostEvents).Raw(" events lost meanwhile</span> ");
        html.Raw("</p>\n<p>Of ").Text(Words.Count(evidence.Observed, "request", "requests")).Raw(" in ").Text(Words.Count(evidence.Sessions, "session", "sessions")).Raw(", <b>").Count(evidence.Agreed).Raw("</b> ");
        if (gate.Binds == BindScope.Process) html.Raw("were handled by a process that works for this requester only, ").Count(evidence.Contradicted).Raw(" by a process that had worked for another one");
        else html.Raw("came from a requester that the gate can tell, ").Count(evidence.Contradicted).Raw(" speak against it");
        html.Raw(", and of ").Count(evidence.Unknown).Raw(" the requester is not known. Confidence ").Text(Words.Percent(evidence.Confidence)).Raw(" (lower end of the 95 % interval).</p>\n");
        html.Raw("<p class=\"soft\">").Text($"{ModelEvidence.NameOf(service.Model)}: {HowServed(service)}.").Raw("</p>\n");
        foreach (string note in service.Notes) html.Raw("<p class=\"warn\">").Text(note).Raw("</p>\n");
        Samples(html, "Samples to look up", evidence.Samples, palette);
        Samples(html, "What contradicts", evidence.CounterExamples, palette);
        html.Raw("</section>\n");
    }

    /// <summary>What the gate does, as far as its scope goes: nothing else is re-bound.</summary>
    private static string Effect(BindScope binds) => binds switch
    {
        BindScope.Process => "the process is charged to the virtual service that sent it.",
        BindScope.Thread => "the thread that receives it is charged to the virtual service that sent it.",
        BindScope.Connection => "the connection is charged to the virtual service that sent it; no process changes its virtual service.",
        _ => "work on this one request is charged to the virtual service that sent it, until it is answered. While another one waits, requests of a virtual service that is ahead of its share are held.",
    };

    /// <summary>The counts that show how the service serves connections.</summary>
    private static string HowServed(ServiceFinding service)
    {
        ModelEvidence model = service.Evidence;
        string connections = Words.Count(model.Connections, "connection", "connections"), several = $"{model.SharedByProcesses:N0} were used by several processes";
        return service.Model switch
        {
            ExecutionModel.EventLoop => $"of {connections}, {model.InterleavedThread:N0} were served by a thread that went back and forth between connections, {model.OwnThread:N0} by one that served no other; {several}",
            ExecutionModel.PreFork => $"of {connections}, {model.ServedByAcceptor:N0} were served by the process that accepted them; {Words.Count(model.Sequential, "process", "processes")} served several, never two open at once; {several}",
            _ => $"of {connections}, {model.ForkedForIt:N0} got a process that was forked for it, {model.HeldByOwnProcess:N0} older than the recording had one of their own; " +
                $"{Words.Count(model.OneConnection, "process served", "processes served")} one connection in its life, {model.Sequential + model.Concurrent:N0} more than one; {model.SharedByProcesses:N0} connections were used by several processes",
        };
    }

    private static void Samples(Html html, string title, IReadOnlyList<EvidenceSample> samples, Palette palette)
    {
        if (samples.Count == 0) return;
        html.Raw("<details><summary>").Text(title).Raw("</summary><table><tr><th>for</th><th>what</th><th>session</th><th class=\"n\">time, ns</th><th class=\"n\">connection</th></tr>\n");
        foreach (EvidenceSample sample in samples)
        {
            html.Raw($"<tr><td><span class=\"dot {palette.Fill(sample.Requester)}\"></span>").Text(sample.Requester).Raw("</td><td>").Text(sample.What).Raw("</td><td><code>").Text(sample.Session)
                .Raw("</code></td><td class=\"n\">").Text(sample.TimeNs.ToString(System.Globalization.CultureInfo.InvariantCulture)).Raw("</td><td class=\"n\">").Text(sample.Connection.ToString(System.Globalization.CultureInfo.InvariantCulture)).Raw("</td></tr>\n");
        }

        html.Raw("</table></details>\n");
    }

    private static string Word<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}
