using System.Text.Json;
using VirtualServices.Cli.Commands;
using VirtualServices.Enforce;

namespace VirtualServices.Cli.Tests;

public sealed class DoctorCommandTests : CommandTest
{
    private static readonly Capability Works = new("gates", CapabilityState.Works, true, "tracepoints", "", "");
    private static readonly Capability Optional = new("favordynmods", CapabilityState.Missing, false, "", "no hierarchy", "see cpu shares");
    private static readonly Capability Required = new("recorder", CapabilityState.Missing, true, "", "no BTF", "another kernel");
    private static readonly Capability Unused = new("limits", CapabilityState.Unused, false, "", "not in this version", "");

    [Fact]
    public void Each_capability_has_its_line() => Assert.Equal(
        (ExitCode.Done, "gates                   works     tracepoints\nfavordynmods            missing   no hierarchy; see cpu shares\nlimits                  unused    not in this version\n"),
        Run(false, Works, Optional, Unused));

    [Fact]
    public void What_is_required_and_missing_exits_with_4()
    {
        Assert.Equal(ExitCode.HostLacks, Run(false, Works, Required).Code);
        Assert.Equal(ExitCode.HostLacks, Run(false, Works with { State = CapabilityState.Unknown }, Required).Code);
        Assert.Equal(ExitCode.Done, Run(false, Works, Optional with { State = CapabilityState.Unknown }).Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Without_root_what_is_known_is_told_and_the_exit_code_is_5(bool json)
    {
        Capability unknown = Required with { State = CapabilityState.Unknown, Missing = "not tried: only root may load BPF programs" };
        (ExitCode code, string output) = Run(json, Works, unknown);
        Assert.Equal(ExitCode.Permission, code);
        Assert.Contains("tracepoints", output, StringComparison.Ordinal);
        Assert.Contains("not tried: only root may load BPF programs", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_holds_the_same()
    {
        (ExitCode code, string output) = Run(true, Works, Required);
        Assert.Equal(ExitCode.HostLacks, code);
        using JsonDocument document = JsonDocument.Parse(output);
        JsonElement[] all = [.. document.RootElement.GetProperty("capabilities").EnumerateArray()];
        Assert.Equal([("gates", "works", true), ("recorder", "missing", true)], all.Select(one => (one.GetProperty("name").GetString(), one.GetProperty("state").GetString(), one.GetProperty("required").GetBoolean())));
        Assert.Equal(("tracepoints", "no BTF", "another kernel"), (all[0].GetProperty("uses").GetString(), all[1].GetProperty("missing").GetString(), all[1].GetProperty("remedy").GetString()));
    }

    private (ExitCode Code, string Output) Run(bool json, params Capability[] capabilities)
    {
        using StringWriter output = new();
        ExitCode code = DoctorCommand.Run(json, new CommandContext(output, output, Terminal, TimeProvider.System, _ => null), capabilities);
        return (code, output.ToString());
    }
}
