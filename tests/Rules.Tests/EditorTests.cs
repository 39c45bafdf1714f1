using System.Runtime.Versioning;
using CsCheck;

namespace VirtualServices.Rules.Tests;

public sealed class EditorTests
{
    private static readonly GateVerdict Approve = new(GateState.Approved, new GateReview("ada", "2026-01-31T09:30:00Z", "seen \"two\" days: #1", "sha256:" + new string('a', 64)));
    private const string Head = "version: 1\nservices: [ { name: pg, match: { uid: 5 } } ]\ngates:\n";
    private const string Written = "{ by: \"ada\", at: \"2026-01-31T09:30:00Z\", note: \"seen \\\"two\\\" days: #1\", digest: \"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" }";

    /// <summary>A gate before and after; @ stands for the review as it is written in one line.</summary>
    public static readonly TheoryData<string, string> Gates = new()
    {
        {
            "  - id: g # a\n    service: pg\n    on: fork\n    classify: keep\n    binds: process  # b\n    state: proposed   # c\n    review: {}\n# end\n",
            "  - id: g # a\n    service: pg\n    on: fork\n    classify: keep\n    binds: process  # b\n    state: approved   # c\n    review: @\n# end\n"
        },
        {
            "  - id: g\n    binds: process # b\n    service: pg\n    on: fork\n    classify: keep\n",
            "  - id: g\n    binds: process # b\n    state: approved\n    review: @\n    service: pg\n    on: fork\n    classify: keep\n"
        },
        {
            "  - id: g\n    service: pg\n    on: fork\n    classify: keep\n    state: 'rejected' # c\n    binds: process",
            "  - id: g\n    service: pg\n    on: fork\n    classify: keep\n    state: approved # c\n    review: @\n    binds: process"
        },
        {
            "  - id: g\n    service: pg\n    on: fork\n    classify: keep\n    binds: process",
            "  - id: g\n    service: pg\n    on: fork\n    classify: keep\n    binds: process\n    state: approved\n    review: @\n"
        },
        {
            "  -   {id: g, service: pg, on: fork, classify: keep, binds: process} # end",
            "  -   {id: g, service: pg, on: fork, classify: keep, binds: process, state: approved, review: @} # end"
        },
        {
            "  - { \"id\":\"g\", \"service\":\"pg\", \"on\":\"fork\", # a\n      \"classify\":\"keep\", \"binds\":\"process\", \"state\":\"proposed\", }\n",
            "  - { \"id\":\"g\", \"service\":\"pg\", \"on\":\"fork\", # a\n      \"classify\":\"keep\", \"binds\":\"process\", \"state\": approved, review: @, }\n"
        },
        {
            "  - id: g\n    service: pg\n    on: fork\n    classify: keep\n    binds: process\n    review:   # nobody yet\n    state:\n      proposed\n",
            "  - id: g\n    service: pg\n    on: fork\n    classify: keep\n    binds: process\n    review: @   # nobody yet\n    state:\n      approved\n"
        },
        {
            "  - id: g\n    service: pg\n    on: fork\n    classify: keep\n    binds: process\n    state: approved\n    review:\n      by: bob # b\n      at: \"2026-01-31T09:30:00Z\"\n      # why\n      note: |\n        two\n        lines\n      digest:\n",
            "  - id: g\n    service: pg\n    on: fork\n    classify: keep\n    binds: process\n    state: approved\n    review:\n      by: \"ada\" # b\n      at: \"2026-01-31T09:30:00Z\"\n      # why\n      note: \"seen \\\"two\\\" days: #1\"\n      digest: \"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n"
        },
        {
            "  - id: g\n    service: pg\n    on: fork\n    classify: keep\n    binds: process\n    state: proposed\n    review: {by: , # b\n      note: x,}\n",
            "  - id: g\n    service: pg\n    on: fork\n    classify: keep\n    binds: process\n    state: approved\n    review: {by: \"ada\", # b\n      note: \"seen \\\"two\\\" days: #1\", at: \"2026-01-31T09:30:00Z\", digest: \"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",}\n"
        },
    };

    [Theory]
    [MemberData(nameof(Gates))]
    public void Only_the_meant_characters_change(string before, string after)
    {
        after = after.Replace("@", Written, StringComparison.Ordinal);
        foreach (string newLine in new[] { "\n", "\r\n" })
        {
            RuleDocument document = RuleFile.Parse((Head + before).ReplaceLineEndings(newLine), "x.yaml");
            RuleDocument edited = RuleEditor.Apply(document, new Dictionary<string, GateVerdict> { ["g"] = Approve });
            Assert.Equal((Head + after).ReplaceLineEndings(newLine), edited.Text);
            Assert.Equal((Approve.State, Approve.Review), (edited.Rules.Gates[0].State, edited.Rules.Gates[0].Review));
        }
    }

    [Fact]
    public void Any_written_file_can_be_edited_and_nothing_else_changes() => Samples.RuleSets.Sample(
        rules =>
        {
            RuleDocument document = RuleFile.Parse(RuleText.Write(rules, "c"), "x.yaml");
            RuleDocument edited = RuleEditor.Apply(document, rules.Gates.ToDictionary(gate => gate.Id, _ => Approve));
            RuleSet meant = document.Rules with { Gates = [.. document.Rules.Gates.Select(gate => gate with { State = Approve.State, Review = Approve.Review })] };
            Assert.Equal(Json.Of(meant), Json.Of(edited.Rules));
        },
        iter: 500, print: rules => RuleText.Write(rules, ""));

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void Saving_keeps_mode_owner_and_byte_order_mark_and_leaves_no_other_file()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("r.yaml", "\uFEFF" + Samples.Valid);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
        (uint Uid, uint Gid) owner = Editing.FileOwner.Of(path);
        if (Environment.IsPrivilegedProcess)
        {
            Assert.Equal(0, Run("chown", "65534:12", path));
            owner = (65534, 12);
        }

        Edit(path);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, File.GetUnixFileMode(path));
        Assert.Equal(owner, Editing.FileOwner.Of(path));
        Assert.True(File.ReadAllBytes(path).AsSpan().StartsWith("\uFEFFversion"u8));
        Assert.Equal(["r.yaml"], folder.Names);
    }

    [Fact]
    public void A_link_stays_and_its_target_changes()
    {
        using var folder = new TemporaryFolder();
        string target = folder.Write("target.yaml", Samples.Valid);
        File.CreateSymbolicLink(folder.PathOf("r.yaml"), "target.yaml");
        Edit(folder.PathOf("r.yaml"));
        Assert.Equal("target.yaml", new FileInfo(folder.PathOf("r.yaml")).LinkTarget);
        Assert.Contains("state: approved", File.ReadAllText(target), StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_of_somebody_else_is_not_followed()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can give a link to somebody else");
        using var folder = new TemporaryFolder();
        string target = folder.Write("target.yaml", Samples.Valid), link = folder.PathOf("r.yaml"), outer = folder.PathOf("outer.yaml");
        File.CreateSymbolicLink(link, "target.yaml");
        File.CreateSymbolicLink(outer, "r.yaml");
        using (var chown = System.Diagnostics.Process.Start("chown", ["-h", "65534", link])) chown.WaitForExit();
        foreach (string path in (string[])[link, outer])
        {
            VsException error = Assert.Throws<VsException>(() => RuleFile.Save(path, "version: 1"));
            Assert.Equal((ExitCode.Permission, $"{path}: {link} is a link of user 65534, who could lead what is written elsewhere; name the file itself"), (error.ExitCode, error.Message));
        }

        Assert.Equal(Samples.Valid, File.ReadAllText(target));
    }

    [Fact]
    public void A_file_that_is_not_there_yet_is_made()
    {
        using var folder = new TemporaryFolder();
        RuleFile.Save(folder.PathOf("new.yaml"), Samples.Valid);
        Assert.Equal(Samples.Valid, File.ReadAllText(folder.PathOf("new.yaml")));
    }

    [Fact]
    public void A_file_that_somebody_else_changed_meanwhile_is_left_alone()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("r.yaml", Samples.Valid);
        RuleDocument document = RuleFile.Load(path);
        File.AppendAllText(path, "# mine\n");
        RuleDocument edited = RuleEditor.Apply(document, new Dictionary<string, GateVerdict> { ["pg"] = Approve });
        Assert.Equal(ExitCode.DoesNotHold, Assert.Throws<VsException>(() => RuleEditor.Save(document, edited)).ExitCode);
        Assert.Equal(Samples.Valid + "# mine\n", File.ReadAllText(path));
        Assert.Equal(["r.yaml"], folder.Names);
    }

    [Fact]
    public void Many_writers_at_once_lose_nothing()
    {
        using var folder = new TemporaryFolder();
        string gates = string.Concat(Enumerable.Range(0, 24).Select(i => $"  - {{ id: g{i}, service: pg, on: fork, classify: keep, binds: process }}\n"));
        string path = folder.Write("r.yaml", Head + gates);
        Parallel.For(0, 24, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            while (true)
            {
                RuleDocument document = RuleFile.Load(path);
                try
                {
                    RuleEditor.Save(document, RuleEditor.Apply(document, new Dictionary<string, GateVerdict> { [$"g{i}"] = Approve }));
                    return;
                }
                catch (VsException e) when (e.ExitCode == ExitCode.DoesNotHold)
                {
                    // Somebody else was faster: as the message says, run it again.
                }
            }
        });
        Assert.All(RuleFile.Load(path).Rules.Gates, gate => Assert.Equal(GateState.Approved, gate.State));
    }

    private static void Edit(string path)
    {
        RuleDocument document = RuleFile.Load(path);
        RuleEditor.Save(document, RuleEditor.Apply(document, new Dictionary<string, GateVerdict> { ["pg"] = Approve }));
        Assert.Equal(GateState.Approved, RuleFile.Load(path).Rules.Gates[0].State);
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }
}
