using System.Globalization;
using System.Text;
using System.Text.Json;
using Spectre.Console;

namespace VirtualServices.Cli.Demo;

/// <summary>What a demo run found.</summary>
/// <param name="Arms">Alone, cgroups, virtual services.</param>
/// <param name="ChargedRight">Part of the tenants' PostgreSQL CPU charged to the right virtual service, 0..1.</param>
/// <param name="Promises">What was promised, and whether it holds.</param>
/// <param name="Folder">Where session, rules and report lie.</param>
internal sealed record DemoReport(IReadOnlyList<ArmResult> Arms, double ChargedRight, IReadOnlyList<Promise> Promises, string Folder)
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true };

    /// <summary>True where all that was promised holds.</summary>
    public bool Holds => Promises.All(promise => promise.Holds);

    /// <summary>Session folder of a demo's folder.</summary>
    public static string SessionIn(string folder) => Path.Combine(folder, "session");

    /// <summary>Rule file of a demo's folder.</summary>
    public static string RulesIn(string folder) => Path.Combine(folder, "rules.yaml");

    /// <summary>Report of the inference in a demo's folder.</summary>
    public static string PageIn(string folder) => Path.Combine(folder, "report.html");

    /// <summary>For people.</summary>
    public void WriteText(TextWriter to)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(to), Ansi = AnsiSupport.No });
        console.Profile.Width = 120;
        Table table = new() { Border = TableBorder.Markdown };
        table.AddColumn("arrangement");
        foreach (string column in (string[])["victim p50", "victim p99", "victim rate", "aggressor rate", "at equal speed", "charged right"]) table.AddColumn(column, it => it.RightAligned());
        foreach (ArmResult arm in Arms)
        {
            table.AddRow(
                arm.Name,
                Say($"{arm.P50:F1} ms"),
                Say($"{arm.P99:F1} ms"),
                Say($"{arm.Victim.Rate:F1} of {arm.TargetRate}/s"),
                arm.Name == ArmResult.Alone ? "-" : Say($"{arm.Aggressor.Rate:F0}/s"),
                arm.Name == ArmResult.Alone ? "-" : Say($"{AtEqualSpeed(arm):F0}/s"),
                arm.Name == ArmResult.VirtualServices ? Say($"{100 * ChargedRight:F2}%") : "-");
        }

        console.Write(table);
        to.WriteLine();
        foreach (Promise promise in Promises) to.WriteLine($"{(promise.Holds ? "holds " : "BROKEN")}  {promise.Text}");
        to.WriteLine();
        to.WriteLine($"session  {SessionIn(Folder)}");
        to.WriteLine($"rules    {RulesIn(Folder)}");
        to.WriteLine($"report   {PageIn(Folder)}");
    }

    /// <summary>For programs: one document.</summary>
    public void WriteJson(TextWriter to)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes, Indented)) Write(json);
        to.WriteLine(Encoding.UTF8.GetString(bytes.ToArray()));
    }

    private void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartArray("arms");
        foreach (ArmResult arm in Arms)
        {
            json.WriteStartObject();
            json.WriteString("name", arm.Name);
            json.WriteStartObject("victim");
            Number(json, "p50_ms", arm.P50);
            Number(json, "p99_ms", arm.P99);
            Number(json, "rate", arm.Victim.Rate);
            json.WriteNumber("target_rate", arm.TargetRate);
            json.WriteNumber("transactions", arm.Victim.Count);
            json.WriteEndObject();
            json.WriteStartObject("aggressor");
            Number(json, "rate", arm.Aggressor.Rate);
            Number(json, "rate_at_equal_speed", AtEqualSpeed(arm));
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        Number(json, "charged_right", ChargedRight);
        AggressorKeeps keeps = AggressorKeeps.Of(Arm(ArmResult.Cgroups), Arm(ArmResult.VirtualServices));
        json.WriteStartObject("aggressor_keeps");
        Number(json, "at_equal_speed", keeps.AtEqualSpeed);
        Number(json, "raw", keeps.Raw);
        json.WriteEndObject();
        json.WriteBoolean("holds", Holds);
        json.WriteStartArray("promises");
        foreach (Promise promise in Promises)
        {
            json.WriteStartObject();
            json.WriteBoolean("holds", promise.Holds);
            json.WriteString("text", promise.Text);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("session", SessionIn(Folder));
        json.WriteString("rules", RulesIn(Folder));
        json.WriteString("report", PageIn(Folder));
        json.WriteEndObject();
    }

    private ArmResult Arm(string name) => Arms.Single(arm => arm.Name == name);

    // What its rate would have been at the median of the arms' speeds.
    private double AtEqualSpeed(ArmResult arm) => arm.Aggressor.RateAtEqualSpeed * Measurement.Median(Arms.Select(it => it.Victim.Speed));

    // JSON has no NaN: what was not measured is null.
    private static void Number(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value)) json.WriteNumber(name, Math.Round(value, 4));
        else json.WriteNull(name);
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
