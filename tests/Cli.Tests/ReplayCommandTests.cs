using System.Text.Json;

namespace VirtualServices.Cli.Tests;

public sealed class ReplayCommandTests : CommandTest
{
    private const string Warning = "no process of the session belongs to it, so nothing is charged; the session has db, web";

    private string Session(int port = 5432)
    {
        string input = Path.Combine(Folder, "in.jsonl"), session = Path.Combine(Folder, "session");
        File.WriteAllText(input, $"{{\"ts\":5,\"pid\":1,\"call\":\"recv\",\"conn\":\"c\",\"role\":\"server\",\"service\":\"web\",\"proto\":\"tcp\",\"local\":\"127.0.0.1:{port}\",\"remote\":\"127.0.0.1:999\",\"bytes\":3}}\n" +
            "{\"ts\":9,\"pid\":2,\"call\":\"exit\",\"service\":\"db\"}\n");
        Assert.Equal(0, Vs("import", "events", input, "-o", session).Code);
        return session;
    }

    [Fact]
    public void A_service_that_the_session_does_not_have_is_told_with_its_line()
    {
        (int code, string output, string error) = Vs("replay", RulesPath, Session());
        Assert.Equal((0, $"{RulesPath}:7: warning: service 'postgres': {Warning}\n"), (code, error));
        Assert.DoesNotContain("warning", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_has_the_warning_too()
    {
        using var json = JsonDocument.Parse(Vs("replay", RulesPath, Session(), "--json").Out);
        JsonElement warning = Assert.Single(json.RootElement.GetProperty("warnings").EnumerateArray());
        Assert.Equal(("postgres", 7, Warning), (warning.GetProperty("service").GetString(), warning.GetProperty("line").GetInt32(), warning.GetProperty("text").GetString()));
    }

    [Fact]
    public void Names_that_a_session_does_not_hold_are_warned_of()
    {
        File.WriteAllText(RulesPath, Rules.Replace("postgres", "web", StringComparison.Ordinal).Replace("virtualServices:", "virtualServices:\n  - { name: named, frontDoors: [ { host: shop.example } ] }", StringComparison.Ordinal));
        string session = Session();
        (int code, _, string error) = Vs("replay", RulesPath, session);
        Assert.Equal((0, $"{RulesPath}:4: warning: virtual service 'named': a recording does not hold the names that clients ask for, so what 'host' would give it is charged to nobody here\n"), (code, error));
        using var json = JsonDocument.Parse(Vs("replay", RulesPath, session, "--json").Out);
        Assert.Equal("named", Assert.Single(json.RootElement.GetProperty("warnings").EnumerateArray()).GetProperty("vs").GetString());
    }

    [Fact]
    public void Addresses_that_the_session_does_not_have_are_warned_of()
    {
        File.WriteAllText(RulesPath, Rules.Replace("postgres", "web", StringComparison.Ordinal).Replace("{ name: acme }", "{ name: acme, frontDoors: [ { listen: tcp/80 } ] }", StringComparison.Ordinal));
        string session = Session(port: 9999);
        (int code, _, string error) = Vs("replay", RulesPath, session);
        const string Lacks = "in the session nothing listens at tcp/";
        Assert.Equal(
            (0,
                $"{RulesPath}:4: warning: virtual service 'acme': {Lacks}80 and nobody asked there, so this front door gives it nothing here\n" +
                $"{RulesPath}:8: warning: service 'web': {Lacks}5432 and nobody asked there, so nothing belongs to it by that here\n" +
                $"{RulesPath}:13: warning: gate 'one': {Lacks}5432 and nobody asked there, so it acts on nothing here\n"),
            (code, error));
        using var json = JsonDocument.Parse(Vs("replay", RulesPath, session, "--json").Out);
        Assert.Equal(["", "", "one"], json.RootElement.GetProperty("warnings").EnumerateArray().Select(warning => warning.GetProperty("gate").GetString()));
    }

    [Fact]
    public void A_service_that_the_session_has_is_not_warned_of()
    {
        File.WriteAllText(RulesPath, Rules.Replace("postgres", "web", StringComparison.Ordinal));
        (int code, _, string error) = Vs("replay", RulesPath, Session());
        Assert.Equal((0, ""), (code, error));
    }
}
