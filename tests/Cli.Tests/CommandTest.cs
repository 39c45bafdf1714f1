namespace VirtualServices.Cli.Tests;

/// <summary>Runs a command line in this process, on files of a folder of its own, at a fixed time.</summary>
public abstract class CommandTest : IDisposable
{
    internal const string Rules = """
        # who pays
        version: 1
        virtualServices:
          - { name: acme }
          - { name: other }
        services:
          - name: postgres
            match: { listen: tcp/5432 }
        gates:
          - id: one   # first
            service: postgres
            on: receive
            when: { listen: tcp/5432 }
            classify: requester
            binds: process
            state: proposed   # yet
            evidence: { sessions: 1, observed: 5, agreed: 4, contradicted: 1, unknown: 0, lostEvents: 2, confidence: 0.9, pattern: process-per-connection,
                        samples: [ { session: s1, ts: 5, pid: 7, conn: 9, requester: acme, what: "pid 7 answered" } ], counterExamples: [ odd one ] }
            review: { by: "", at: "", note: "", digest: "" }
          - { id: two, service: postgres, on: fork, classify: creator, binds: process } # second

        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vs-cli-tests-");

    protected CommandTest()
    {
        RulesPath = Path.Combine(_folder.FullName, "rules.yaml");
        File.WriteAllText(RulesPath, Rules);
    }

    protected string RulesPath { get; }

    protected string Folder => _folder.FullName;

    protected string Text => File.ReadAllText(RulesPath);

    internal FakeTerminal Terminal { get; set; } = new("") { IsInteractive = false };

    protected (int Code, string Out, string Error) Vs(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var context = new CommandContext(output, error, Terminal, new FixedClock(), name => name == "EDITOR" ? "fake" : null) { Cancellation = CancellationToken.None };
        int code = VsProgram.RunAsync(args, context).GetAwaiter().GetResult();
        return (code, output.ToString(), error.ToString());
    }

    public void Dispose()
    {
        _folder.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    private sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 1, 31, 10, 30, 0, TimeSpan.FromHours(1));
    }
}
