using System.Globalization;
using System.Text.Json;
using VirtualServices.Cli.Commands;
using VirtualServices.Enforce;
using VirtualServices.Enforce.Watching;

namespace VirtualServices.Cli.Top;

/// <summary>The documents of <c>vs top --json</c>, one a line; docs/watching.md describes the fields.</summary>
internal static class TopJson
{
    public static void Write(TextWriter output, DateTimeOffset time, double seconds, int cpus, EnforcementStatus status, IReadOnlyList<VirtualServiceRate> rates)
    {
        JsonText.WriteDocument(
            output,
            json =>
            {
                json.WriteString("at", time.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
                json.WriteNumber("interval_s", Math.Round(seconds, 3));
                json.WriteNumber("cpus", cpus);
                json.WriteString("state", status.Enforcer.ToString().ToLowerInvariant());
                json.WriteNumber("generation", status.Generation);
                StatusJson.WriteLimits(json, status);
                StatusJson.WriteAdmission(json, status);
                JsonText.WriteList(json, "virtual_services", rates, rate =>
                {
                    json.WriteString("name", rate.Name);
                    json.WriteString("parent", rate.Parent);
                    json.WriteNumber("cpu_entitled", Math.Round(rate.Entitled, 4));
                    WriteRate(json, rate.Total);
                    json.WriteStartObject("counts");
                    StatusJson.WriteCounts(json, rate.Now);
                    json.WriteEndObject();
                    JsonText.WriteList(json, "services", rate.Services, service =>
                    {
                        json.WriteString("service", service.Service);
                        WriteRate(json, service.Rate);
                        json.WriteStartObject("counts");
                        StatusJson.WriteCounts(json, service.Now);
                        json.WriteEndObject();
                    });
                });
            },
            indented: false);
        output.Flush();
    }

    private static void WriteRate(Utf8JsonWriter json, in UseRate rate)
    {
        json.WriteNumber("cpu_used", Math.Round(rate.Cpus, 4));
        json.WriteNumber("waiting", Math.Round(rate.Waiting, 4));
        json.WriteNumber("requests_per_s", Math.Round(rate.Requests, 2));
        json.WriteNumber("unknown_per_s", Math.Round(rate.UnknownRequests, 2));
    }
}
