using System.Text;
using VirtualServices.Rules.Reading;

namespace VirtualServices.Rules.Tests;

public sealed class BrokenFileTests
{
    /// <summary>What is replaced in the valid file, by what, and how the one error begins.</summary>
    public static readonly TheoryData<string, string, string> Errors = new()
    {
        { "version: 1", "version: 2", "x.yaml:1: version is 2, expected version: 1: this program reads no other" },
        { "version: 1\n", "", "x.yaml:1: the rule file has no version, expected version: 1" },
        { "version: 1", "version: \"1\"", "x.yaml:1: version of the rule file is the quoted text '1', expected version: 1" },
        { "version: 1", "version: [1]", "x.yaml:1: version of the rule file is a list, expected version: 1" },
        { "version: 1\n", "version: 1\nvirtualservices: []\n", "x.yaml:2: unknown key 'virtualservices' in the rule file, expected version, virtualServices" },
        { "version: 1\n", "version: 1\nversion: 1\n", "x.yaml:2: key 'version' stands twice" },
        { "name: acme", "name: 4acme", "x.yaml:3: name of a virtual service is '4acme', expected a name" },
        { "name: other", "name: requester", "x.yaml:8: name of a virtual service is 'requester', expected another name" },
        { "name: other", "name: tasks", "x.yaml:8: name of a virtual service is 'tasks', expected another name: files of a cgroup" },
        { "name: other", "name: cpu.max", "x.yaml:8: name of a virtual service is 'cpu.max', expected another name: files of a cgroup" },
        { "  - name: other\n    parent: acme", "  - parent: acme", "x.yaml:8: a virtual service has no name" },
        { "name: other", "name: acme", "x.yaml:8: virtual service 'acme' stands in line 3 already" },
        { "  - name: other", "  - text", "x.yaml:9: this is not valid YAML" },
        { "weight: 200", "weight: 0", "x.yaml:4: weight of cpu of virtual service 'acme' is '0', expected a whole number 1..10000" },
        { "weight: 200", "weight: 10001", "x.yaml:4: weight of cpu of virtual service 'acme' is '10001', expected a whole number 1..10000" },
        { "weight: 200", "weight: 1.5", "x.yaml:4: weight of cpu of virtual service 'acme' is '1.5', expected a whole number" },
        { "weight: 200", "weight: \"200\"", "x.yaml:4: weight of cpu of virtual service 'acme' is the quoted text" },
        { "weight: 200", "weight: ", "x.yaml:4: weight of cpu of virtual service 'acme' is nothing" },
        { "max: 1.5", "max: 0", "x.yaml:4: max of cpu of virtual service 'acme' is '0', expected a number of CPUs 0.01..65536" },
        { "max: 1.5", "max: -1", "x.yaml:4: max of cpu" },
        { "max: 1.5", "max: NaN", "x.yaml:4: max of cpu" },
        { "max: 1.5", "max: 1,5", "x.yaml:4: " },
        { "max: 1.5", "maximum: 1.5", "x.yaml:4: unknown key 'maximum' in cpu of virtual service 'acme', expected weight, max" },
        { "cpu: { weight: 200, max: 1.5 }", "cpu: 200", "x.yaml:4: cpu of virtual service 'acme' is '200', expected a mapping with weight, max" },
        { "max: 300mbit", "max: 300", "x.yaml:5: max of network of virtual service 'acme' is '300', expected a rate with its unit" },
        { "max: 300mbit", "max: 300mib", "x.yaml:5: max of network" },
        { "max: 300mbit", "max: 300 mbit", "x.yaml:5: max of network" },
        { "max: 300mbit", "max: 99999999tbit", "x.yaml:5: max of network of virtual service 'acme' is '99999999tbit', expected a rate with its unit (bit, kbit, mbit, gbit, tbit) such as 300mbit, from 1bit to 9223372tbit" },
        { "max: 300mbit", "max: 0mbit", "x.yaml:5: max of network" },
        { "max: 300mbit", "max: 0.5bit", "x.yaml:5: max of network" },
        { "processes: 20", "processes: 0", "x.yaml:6: processes of limits" },
        { "processes: 20, sockets: 200, ", "", "x.yaml:6: limits of virtual service 'acme' limit nothing" },
        { "onLimit: block", "onLimit: errno:EWHAT", "x.yaml:6: onLimit of limits of virtual service 'acme' is 'errno:EWHAT', expected block, best-effort or errno:NAME" },
        { "onLimit: block", "onLimit: wait", "x.yaml:6: onLimit" },
        { "{ client: 10.1.0.0/16 }", "{ client: 10.1.0.0/33 }", "x.yaml:7: client of virtual service 'acme' is '10.1.0.0/33', expected a network" },
        { "{ client: 10.1.0.0/16 }", "{ site: x }", "x.yaml:7: unknown key 'site'" },
        { "{ client: 10.1.0.0/16 }", "{ host: 'a b' }", "x.yaml:7: host of virtual service 'acme' is 'a b', expected a host name such as shop.example, or *.shop.example for all below it" },
        { "{ client: 10.1.0.0/16 }", "{ unit: shop.service }", "x.yaml:7: unit:shop.service stands twice" },
        { "{ client: 10.1.0.0/16 }", "{ unit: a, uid: 3 }", "x.yaml:7: a selector of virtual service 'acme' has 2 keys, expected exactly one" },
        { "{ client: 10.1.0.0/16 }", "{ uid: root }", "x.yaml:7: uid of virtual service 'acme' is 'root', expected a numeric user id 0..4294967295" },
        { "{ client: 10.1.0.0/16 }", "{ pid: 0 }", "x.yaml:7: pid of virtual service 'acme' is '0', expected a process id 1..2147483647" },
        { "parent: acme", "parent: nobody", "x.yaml:9: parent of virtual service 'other' is 'nobody', which does not exist, expected acme, other, bestEffort" },
        { "parent: acme", "parent: other", "x.yaml:9: virtual services are their own parents: other -> other" },
        { "parent: acme", "parent: bestEffort", "x.yaml:9: parent of virtual service 'other' is bestEffort" },
        { "parent: acme", "parent: ", "x.yaml:9: parent of virtual service 'other' is nothing" },
        { "priority: 3", "priority: high", "x.yaml:10: priority" },
        { "match: { listen: tcp/5432 }", "match: { listen: tcp/99999 }", "x.yaml:13: listen of service 'postgres' is 'tcp/99999', expected a listening address" },
        { "match: { listen: tcp/5432 }", "match: { client: 10.0.0.0/8 }", "x.yaml:13: unknown key 'client'" },
        { "match: { listen: tcp/5432 }", "match: []", "x.yaml:13: service 'postgres' has no match" },
        { "match: { listen: tcp/5432 }", "match: tcp/5432", "x.yaml:13: match of service 'postgres' is 'tcp/5432', expected a list" },
        { "  - id: pg\n    service", "  - service", "x.yaml:15: a gate has no id" },
        { "id: pg", "id: p g", "x.yaml:15: id of a gate is 'p g', expected an id" },
        { "service: postgres", "service: mysql", "x.yaml:16: service of gate 'pg' is 'mysql', which does not exist, expected postgres" },
        { "on: receive", "on: recv", "x.yaml:17: on of gate 'pg' is 'recv', expected accept, receive, send, connect, fork, exec, socket" },
        { "on: receive", "on: 1", "x.yaml:17: on of gate 'pg' is '1', expected accept" },
        { "    on: receive\n", "    on: receive\n    at: receive\n", "x.yaml:18: unknown key 'at' in gate 'pg', expected id, service" },
        { "match: { listen: tcp/5432 }\ngates:", "match: { listen: tcp/5432\ngates:", "x.yaml:13: this is not valid YAML, expected YAML 1.2: often a bracket '[', a brace '{' or a quote here or above is not closed" },
        { "    on: receive\n", "", "x.yaml:15: gate 'pg' has no on, expected accept" },
        { "when: { listen: tcp/5432", $"when: {{ listen: unix//{new string('x', 108)}", "x.yaml:18: listen of when of gate 'pg' is 'unix//xxx" },
        { "when: { listen: tcp/5432", "when: { listen: 5432", "x.yaml:18: listen of when of gate 'pg' is '5432', expected a listening address" },
        { "requester: [acme, other]", "requester: [acme, ghost]", "x.yaml:18: requester 'ghost' of gate 'pg' is no virtual service" },
        { "requester: [acme, other]", "requester: [acme, acme]", "x.yaml:18: requester 'acme' stands twice" },
        { "requester: [acme, other]", "requester: [acme, [other]]", "x.yaml:18: a requester of gate 'pg' is a list" },
        { "requester: [acme, other]", "requester: ", "x.yaml:18: requester of when of gate 'pg' is nothing" },
        { "classify: requester", "classify: ghost", "x.yaml:19: classify of gate 'pg' is 'ghost', which is no virtual service" },
        { "binds: process", "binds: host", "x.yaml:20: binds of gate 'pg' is 'host', expected process, thread, connection, request" },
        { "state: proposed", "state: Approved", "x.yaml:21: state of gate 'pg' is 'Approved', expected proposed, approved, rejected" },
        { "confidence: 0.5", "confidence: 1.5", "x.yaml:22: confidence" },
        { "observed: 3", "observed: -3", "x.yaml:22: observed" },
        { "samples: [ one ]", "samples: [ { host: x } ]", "x.yaml:22: unknown key 'host' in a sample of gate 'pg'" },
        { "at: \"\"", "at: yesterday", "x.yaml:23: at of review of gate 'pg' is 'yesterday', expected a UTC time" },
        { "digest: \"\"", "digest: abc", "x.yaml:23: digest of review of gate 'pg' is 'abc', expected sha256:" },
        { "  - id: pg", "  - &a\n    id: pg", "x.yaml:15: anchors (&), aliases (*) and tags (!)" },
        { "name: acme", "name: !!str acme", "x.yaml:3: anchors" },
        { "name: acme\n", "name: *acme\n", "x.yaml:3: " },
        { "version: 1\n", "version: 1\n---\nversion: 1\n", "x.yaml:2: " },
        { "version: 1\n", "version: 1\n? [a]\n: b\n", "x.yaml:2: a key is a list" },
        { "match: { listen: tcp/5432 }", "match: { listen: tcp/5432", "x.yaml:" },
        { "name: acme\n", "name: ac\u0000me\n", "x.yaml:3: control character U+0000" },
        { "name: acme\n", "name: acme\r", "x.yaml:3: control character U+000D" },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void An_error_names_its_line_and_what_was_expected(string part, string with, string message)
    {
        Assert.Contains(part, Samples.Valid, StringComparison.Ordinal);
        int at = Samples.Valid.IndexOf(part, StringComparison.Ordinal);
        VsException e = Assert.Throws<VsException>(() => RuleFile.Parse(Samples.Valid.Remove(at, part.Length).Insert(at, with), "x.yaml"));
        Assert.Equal(ExitCode.BadInput, e.ExitCode);
        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
        Assert.Contains("expected", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_errors_are_named_in_the_order_of_their_lines()
    {
        string text = Samples.Valid
            .Replace("weight: 200", "weight: 0", StringComparison.Ordinal)
            .Replace("300mbit", "300", StringComparison.Ordinal)
            .Replace("parent: acme", "parent: x", StringComparison.Ordinal)
            .Replace("service: postgres", "service: y", StringComparison.Ordinal)
            .Replace("binds: process", "binds: z", StringComparison.Ordinal);
        VsException e = Assert.Throws<VsException>(() => RuleFile.Parse(text, "a.yaml"));
        Assert.Equal(["a.yaml:4", "a.yaml:5", "a.yaml:9", "a.yaml:20"], e.Message.Split('\n').Select(line => string.Join(':', line.Split(':').Take(2))));
    }

    [Fact]
    public void A_cycle_of_three_is_reported_once()
    {
        const string Text = "version: 1\nvirtualServices:\n  - {name: a, parent: c}\n  - {name: b, parent: a}\n  - {name: c, parent: b}\n";
        VsException e = Assert.Throws<VsException>(() => RuleFile.Parse(Text, "x.yaml"));
        Assert.Equal("x.yaml:3: virtual services are their own parents: a -> c -> b -> a, expected a tree", e.Message);
    }

    [Fact]
    public void Too_many_levels_are_refused()
    {
        IEnumerable<string> chain = Enumerable.Range(1, 20).Select(i => $"  - {{ name: v{i}, parent: v{i - 1} }}\n");
        VsException e = Assert.Throws<VsException>(() => RuleFile.Parse("version: 1\nvirtualServices:\n  - name: v0\n" + string.Concat(chain), "x.yaml"));
        Assert.StartsWith("x.yaml:19: virtual service 'v16' stands below more than 15 others", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n# only a comment\n")]
    [InlineData("---\n...\n")]
    public void An_empty_file_says_so(string text)
    {
        VsException e = Assert.Throws<VsException>(() => RuleFile.Parse(text, "x.yaml"));
        Assert.Equal("x.yaml:1: the file is empty, expected a rule file beginning with version: 1", e.Message);
    }

    [Fact]
    public void A_bomb_of_aliases_is_refused_at_its_first_anchor()
    {
        const string Bomb = "a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n";
        Assert.StartsWith("x.yaml:1: anchors", Assert.Throws<VsException>(() => RuleFile.Parse(Bomb, "x.yaml")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    [InlineData("&a ")]
    [InlineData("!<")]
    [InlineData("\"")]
    [InlineData("a: b\n  ")]
    public void A_million_times_the_same_is_refused_without_a_crash(string part)
    {
        string text = string.Concat(Enumerable.Repeat(part, 1_000_000));
        Assert.Equal(ExitCode.BadInput, Assert.Throws<VsException>(() => RuleFile.Parse(text, "x.yaml")).ExitCode);
    }

    [Fact]
    public void More_errors_than_anybody_reads_are_counted()
    {
        string text = "version: 1\n" + string.Concat(Enumerable.Range(0, 5000).Select(i => $"k{i}: 1\n"));
        string[] lines = Assert.Throws<VsException>(() => RuleFile.Parse(text, "x.yaml")).Message.Split('\n');
        Assert.Equal(RuleErrors.MaxShown + 1, lines.Length);
        Assert.Equal("x.yaml: and 4800 more errors", lines[^1]);
    }

    [Fact]
    public void Messages_carry_no_control_codes()
    {
        VsException e = Assert.Throws<VsException>(() => RuleFile.Parse("version: 1\n\"a\\e[31m\\nb\": 1\n", "x.yaml"));
        Assert.StartsWith("x.yaml:2: unknown key 'a\\u001b[31m\\u000ab' in the rule file", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused_with_their_line()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("r.yaml", [.. "version: 1\n# "u8, 0xff, 0xfe, .. "\n"u8]);
        Assert.StartsWith($"{path}:2: this is not UTF-8 text", Assert.Throws<VsException>(() => RuleFile.Load(path)).Message, StringComparison.Ordinal);
        string binary = folder.Write("b.yaml", File.ReadAllBytes(typeof(RuleFile).Assembly.Location));
        Assert.Equal(ExitCode.BadInput, Assert.Throws<VsException>(() => RuleFile.Load(binary)).ExitCode);
    }

    [Fact]
    public void Huge_files_and_endless_devices_are_refused_with_the_limit()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("r.yaml", Encoding.UTF8.GetBytes("version: 1\n#" + new string('x', RuleFile.MaxBytes)));
        foreach (string file in new[] { path, "/dev/zero" })
            Assert.Contains("more than 16 MiB", Assert.Throws<VsException>(() => RuleFile.Load(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_and_folders_are_bad_input()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("there is no such file", Assert.Throws<VsException>(() => RuleFile.Load(folder.PathOf("none.yaml"))).Message, StringComparison.Ordinal);
        Assert.Contains("this is a folder", Assert.Throws<VsException>(() => RuleFile.Load(folder.PathOf(""))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_cut_of_a_valid_file_is_read_or_refused()
    {
        for (int length = 0; length < Samples.Valid.Length; length++) Fuzz.Try(Samples.Valid[..length]);
    }
}
