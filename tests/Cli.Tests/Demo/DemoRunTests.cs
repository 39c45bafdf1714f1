using VirtualServices.Cli.Demo;
using VirtualServices.Linux.Files;

namespace VirtualServices.Cli.Tests.Demo;

public sealed class DemoRunTests : CommandTest
{
    [Fact]
    public void A_folder_that_holds_something_is_refused()
    {
        string empty = Directory.CreateDirectory(Path.Combine(Folder, "empty")).FullName;
        foreach (string taken in (string[])[empty, Path.Combine(Folder, "new")])
        {
            using PrivateFolder folder = DemoRun.MakeFolder(taken);
            Assert.Equal((taken, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute), (folder.Path, File.GetUnixFileMode(taken)));
        }

        Directory.CreateSymbolicLink(Path.Combine(Folder, "link"), empty);
        VsException full = Assert.Throws<VsException>(() => DemoRun.MakeFolder(Folder)), file = Assert.Throws<VsException>(() => DemoRun.MakeFolder(RulesPath)), link = Assert.Throws<VsException>(() => DemoRun.MakeFolder(Path.Combine(Folder, "link/")));
        Assert.Equal((ExitCode.Usage, $"demo: -o: folder '{Folder}' is not empty. Name a new folder, or remove what is in it."), (full.ExitCode, full.Message));
        Assert.Equal((ExitCode.Usage, $"demo: -o: cannot use '{RulesPath}': it is no folder. Name a folder that does not exist yet."), (file.ExitCode, file.Message));
        Assert.Equal(ExitCode.Permission, link.ExitCode);
    }

    [Fact]
    public void It_is_refused_before_anything_is_started()
    {
        (int code, string output, string error) = Vs("demo", "-o", Folder);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"vs: demo: -o: folder '{Folder}' is not empty", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }
}
