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

    // A host that has nothing: no program in PATH, no library, no PostgreSQL. What lies at fixed places may be there.
    private const string Bare = "PATH=/nowhere; vs_has_library() { false; }; vs_has_postgres() { false; }; ";

    [Theory]
    [InlineData("", false)]
    [InlineData("vs_for=tests; ", true)]
    public void What_is_missing_is_told_with_its_reason_and_the_tests_need_more(string asked, bool tests)
    {
        (int code, string said) = Packages($"{asked}{Bare} vs_missing >&2");
        string[] lines = said.TrimEnd('\n').Split('\n'), names = [.. lines.Select(line => line.Split(' ')[0])];
        Assert.Equal(0, code);
        Assert.All(lines, line => Assert.Matches("^[a-z0-9.-]+ [a-z].+[a-z)]$", line));
        Assert.Equal(names.Length, names.Distinct().Count());
        foreach (string package in (string[])["clang", "llvm", "libbpf1", "libpcap0.8", "postgresql", "util-linux"]) Assert.Contains(package, names);
        foreach (string package in (string[])["redis-server", "perl"]) Assert.Equal(tests, names.Contains(package));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(2, true)]
    public void A_perl_without_its_modules_is_missing(int code, bool missing)
    {
        // Every Debian has a perl, but not the modules that the tests' programs use.
        (_, string said) = Packages($"vs_for=tests; perl() {{ return {code}; }}; vs_missing >&2");
        Assert.Equal(missing, said.Contains("perl runs the small servers and clients of the tests\n", StringComparison.Ordinal));
    }

    [Fact]
    public void Where_all_is_there_nothing_is_said_and_nothing_installed() =>
        Assert.Equal((0, ""), Packages($"{Stubs} vs_missing() {{ :; }}; vs_install"));

    [Fact]
    public void Each_package_that_is_installed_has_its_line()
    {
        (int code, string said) = Packages($"{Stubs} vs_install");
        Assert.Equal((0, "installing one, which does this\ninstalling two, which does that (and more)\napt-get update\napt-get install one two \n"), (code, said));
    }

    [Fact]
    public void Who_may_not_install_is_told_what_to_type()
    {
        (int code, string said) = Packages($"{Stubs} vs_root() {{ false; }}; vs_install");
        Assert.Equal((5, "missing: one, which does this\nmissing: two, which does that (and more)\nThis is missing and only root can install it: sudo apt-get install one two \n"), (code, said));
    }

    [Theory]
    [InlineData("command() { false; };", "This is missing, and there is no apt-get here to install it: one two \n")]
    [InlineData("vs_apt() { false; };", "installing one, which does this\ninstalling two, which does that (and more)\napt-get update failed: see above\n")]
    [InlineData("vs_apt_install() { false; };", "installing one, which does this\ninstalling two, which does that (and more)\napt-get update\napt-get could not install what is missing: see above\n")]
    public void An_install_that_fails_says_at_which_step(string broken, string sentence) =>
        Assert.Equal((4, sentence), Packages($"{Stubs} {broken} vs_install"));

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

    // Nothing is installed: what would do it only tells.
    private const string Stubs =
        "vs_root() { true; }; command() { true; }; vs_missing() { echo 'one does this'; echo 'two does that (and more)'; }; vs_apt() { echo \"apt-get $*\" >&2; }; vs_apt_install() { echo \"apt-get install $1\" >&2; };";

    private static (int Code, string Said) Packages(string script) => Sh($". scripts/packages.sh; {script}");

    private static (int Code, string Said) Sh(string script)
    {
        string root = Root();
        using Process shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"set -eu; . scripts/requirements.sh; {script}"]) { WorkingDirectory = root, RedirectStandardError = true })!;
        string said = shell.StandardError.ReadToEnd();
        shell.WaitForExit();
        return (shell.ExitCode, said);
    }
}
