using VirtualServices.Cli.Commands;
using VirtualServices.Linux.Processes;

namespace VirtualServices.Cli.Tests;

public sealed class ProgramTests : CommandTest
{
    [Fact]
    public void Every_command_has_help_with_an_example_that_names_it()
    {
        using var output = new StringWriter();
        var context = new CommandContext(output, output, Terminal, TimeProvider.System, _ => null);
        string[] names = [.. VsCommands.Create("", context).Select(command => command.Name)];
        Assert.Contains("check", names);
        foreach (string name in names)
        {
            (int code, string help, string error) = Vs(name, "--help");
            Assert.Equal((0, ""), (code, error));
            Assert.Contains("Example:", help, StringComparison.Ordinal);
            Assert.Contains($"  vs {name}", help, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_help_of_the_program_lists_the_commands()
    {
        (int code, string help, _) = Vs("--help");
        Assert.Equal(0, code);
        foreach (string name in "review approve reject check".Split(' ')) Assert.Contains($"\n  {name} ", help, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData]
    [InlineData("chekc")]
    [InlineData("check")]
    [InlineData("check", "a", "b")]
    [InlineData("check", "--yes")]
    [InlineData("approve", "a")]
    [InlineData("approve", "a", "--all")]
    [InlineData("approve", "--all", "--by", "x")]
    public void Wrong_words_are_usage_errors_on_stderr(params string[] args)
    {
        (int code, string output, string error) = Vs(args);
        Assert.Equal(2, code);
        Assert.Equal("", output);
        Assert.StartsWith("vs: ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--nosuch", "check", "--nosuch", "x")]
    [InlineData("--nosuch", "check", "a", "--nosuch", "x")]
    [InlineData("--nosuch", "check", "a", "--nosuch=x")]
    [InlineData("--devices", "enforce", "a", "--devices", "eth0")]
    [InlineData("-x", "join", "-x", "a", "b")]
    [InlineData("--verbose", "--verbose", "check")]
    [InlineData("--verbose", "import", "--verbose", "events")]
    public void An_unknown_option_is_named_whatever_follows_it(string option, params string[] args)
    {
        (int code, string output, string error) = Vs(args);
        Assert.Equal((2, ""), (code, output));
        string line = Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith($"vs: there is no option '{option}", line, StringComparison.Ordinal);
    }

    [Fact]
    public void What_follows_two_dashes_is_no_option_of_ours() =>
        Assert.DoesNotContain("there is no option", Vs("record", "-o", "", "--", "cat", "--nosuch").Error, StringComparison.Ordinal);

    [Theory]
    [InlineData("there is no 'vs nosuch', expected vs and one of doctor, record, import, join, ", "vs", "nosuch")]
    [InlineData("'vs' alone does nothing, expected vs and one of doctor, record, import, join, ", "vs")]
    [InlineData("'vs import' alone does nothing, expected vs import and one of events, strace, perf, pcap, nettrace\n", "vs import", "import")]
    [InlineData("there is no 'vs import letters', expected vs import and one of events, strace, perf, pcap, nettrace\n", "vs import", "import", "letters", "x")]
    public void A_word_that_is_missing_or_unknown_is_told_with_those_that_exist(string said, string help, params string[] args)
    {
        (int code, string output, string error) = Vs(args);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"vs: {said}", error, StringComparison.Ordinal);
        Assert.EndsWith($"\nSee: {help} --help\n", error, StringComparison.Ordinal);
        Assert.Equal(2, error.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("infer", "s", "-o", "")]
    [InlineData("infer", "", "-o", "r")]
    [InlineData("infer", "s", "-o", "r", "--links", "")]
    [InlineData("infer", "s", "-o", "r", "--attribution", "")]
    [InlineData("infer", "s", "-o", "r", "--report", "")]
    [InlineData("import", "events", "", "-o", "s")]
    [InlineData("import", "events", "e", "-o", "")]
    [InlineData("record", "pid:1", "-o", "")]
    [InlineData("show", "")]
    [InlineData("replay", "", "s")]
    [InlineData("replay", "r", "")]
    [InlineData("check", "")]
    [InlineData("enforce", "")]
    [InlineData("approve", "", "--all", "--by", "ada")]
    [InlineData("review", "")]
    [InlineData("demo", "-o", "")]
    public void Empty_paths_are_usage_errors(params string[] args)
    {
        (int code, string output, string error) = Vs(args);
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(": expected a path, this one is empty\n", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Exceptions_become_exit_codes_at_one_place()
    {
        Assert.Equal((ExitCode.HostLacks, "vs: no BTF\n"), Report(new VsException(ExitCode.HostLacks, "no BTF")));
        Assert.Equal((ExitCode.BadInput, "f:3: x, expected y\n"), Report(VsException.BadInput("f:3", "x, expected y")));
        Assert.Equal(ExitCode.Permission, Report(new UnauthorizedAccessException("no")).Code);
        Assert.Equal(ExitCode.DoesNotHold, Report(new OperationCanceledException()).Code);
        Assert.Equal((ExitCode.HostLacks, "vs: reading or writing failed: full\n"), Report(new IOException("full")));
        (ExitCode code, string text) = Report(new InvalidOperationException("oops"));
        Assert.Equal(ExitCode.Bug, code);
        Assert.Contains("this is a bug", text, StringComparison.Ordinal);
        Assert.Contains("InvalidOperationException: oops", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0", 1)]
    [InlineData("0-3\n", 4)]
    [InlineData("0-1,4,6-7", 5)]
    public void Online_cpus_are_counted(string list, int count) => Assert.Equal(count, OnlineCpus.Count(list));

    private static (ExitCode Code, string Text) Report(Exception exception)
    {
        using var error = new StringWriter();
        return (VsProgram.Report(exception, error), error.ToString());
    }
}
