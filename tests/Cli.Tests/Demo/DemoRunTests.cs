using VirtualServices.Cli.Demo;

namespace VirtualServices.Cli.Tests.Demo;

public sealed class DemoRunTests : CommandTest
{
    [Fact]
    public void A_folder_that_holds_something_is_refused()
    {
        string empty = Directory.CreateDirectory(Path.Combine(Folder, "empty")).FullName;
        DemoRun.CheckFolder(null);
        DemoRun.CheckFolder(empty);
        DemoRun.CheckFolder(Path.Combine(Folder, "new"));
        VsException full = Assert.Throws<VsException>(() => DemoRun.CheckFolder(Folder)), file = Assert.Throws<VsException>(() => DemoRun.CheckFolder(RulesPath));
        Assert.Equal((ExitCode.Usage, $"demo: -o {Folder}: is not empty: name a folder that does not exist yet, or remove what is in it"), (full.ExitCode, full.Message));
        Assert.Equal((ExitCode.Usage, $"demo: -o {RulesPath}: is a file, expected a folder that does not exist yet or is empty"), (file.ExitCode, file.Message));
    }

    [Fact]
    public void It_is_refused_before_anything_is_started()
    {
        (int code, string output, string error) = Vs("demo", "-o", Folder);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"vs: demo: -o {Folder}: is not empty", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }
}
