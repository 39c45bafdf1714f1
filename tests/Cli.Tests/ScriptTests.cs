using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace VirtualServices.Cli.Tests;

/// <summary>What demo.sh and test.sh ask of the host.</summary>
public sealed class ScriptTests
{
    [Theory]
    [InlineData("vs_root() { false; }", 5, "demo: recording and enforcing need root: run it with sudo, or not\n")]
    [InlineData("vs_root() { true; }; vs_has_btf() { false; }", 4, "demo: this kernel has no BTF (/sys/kernel/btf/vmlinux is missing): boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, such as Debian's own, or not\n")]
    [InlineData("vs_root() { true; }; vs_has_btf() { true; }", 0, "")]
    public void A_host_that_cannot_is_told_in_one_sentence(string host, int code, string sentence) =>
        Assert.Equal((code, sentence), Sh($"{host}; vs_require_host demo ', or not'"));

    [Theory]
    [InlineData("10.0.100", 0)]
    [InlineData("9.0.300", 4)]
    [InlineData("11.0.100", 4)]
    public void Only_the_sdk_that_global_json_accepts_will_do(string version, int code) =>
        Assert.Equal(code, Sh($"dotnet() {{ echo '{version} [/somewhere]'; }}; vs_check_dotnet").Code);

    [Fact]
    public void Without_a_home_the_sdk_is_asked_for_all_the_same()
    {
        (int code, string said) = Sh("unset HOME; PATH=/nowhere; vs_check_dotnet");
        Assert.DoesNotContain("unbound", said, StringComparison.Ordinal);
        Assert.DoesNotContain("not set", said, StringComparison.Ordinal);
        Assert.True(code is 0 or 4, said); // 0 where root has one of its own
    }

    [Theory]
    [InlineData("sh")]
    [InlineData("dash")]
    [InlineData("bash")]
    public void The_launcher_tells_who_cannot_write_the_build(string shell)
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory("vs-launcher-");
        try
        {
            string artifacts = root.CreateSubdirectory("artifacts").FullName, launcher = Path.Combine(root.FullName, "vs");
            File.Copy(Path.Combine(Root(), "vs"), launcher);
            File.SetUnixFileMode(artifacts, UnixFileMode.UserRead | UnixFileMode.UserExecute);

            // Root writes where it likes until it has no capabilities left.
            string[] unprivileged = Environment.IsPrivilegedProcess ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] : [];
            string[] words = [.. unprivileged, shell, launcher, "--help"];
            using Process process = Process.Start(new ProcessStartInfo(words[0], words[1..]) { RedirectStandardError = true })!;
            string said = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.Equal((5, $"vs: cannot write {artifacts}/vs.lock: build as the user who owns it, or remove {artifacts}\n"), (process.ExitCode, said));
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));

    private static (int Code, string Said) Sh(string script)
    {
        string root = Root();
        using Process shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"set -eu; . scripts/requirements.sh; {script}"]) { WorkingDirectory = root, RedirectStandardError = true })!;
        string said = shell.StandardError.ReadToEnd();
        shell.WaitForExit();
        return (shell.ExitCode, said);
    }
}
