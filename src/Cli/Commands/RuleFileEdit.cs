using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary>Lets the reviewer edit a copy of the rule file; the file itself changes only once the copy is valid.</summary>
internal static class RuleFileEdit
{
    /// <returns>The edited document as it stands in the file now; null where the reviewer gave up or changed nothing.</returns>
    public static RuleDocument? Run(RuleDocument document, Gate gate, CommandContext context)
    {
        string editor = context.Variable("VISUAL") is { Length: > 0 } visual ? visual : context.Variable("EDITOR") is { Length: > 0 } plain ? plain : "vi";
        DirectoryInfo folder = Directory.CreateTempSubdirectory("vs-review-");
        try
        {
            string copy = Path.Combine(folder.FullName, "rules.yaml");
            File.WriteAllText(copy, document.Text);
            context.Out.WriteLine($"gate '{gate.Id}' stands in line {document.LineOfGate(gate.Id)}");
            while (true)
            {
                int code = context.Terminal.RunEditor(editor, copy);
                if (code != 0)
                {
                    context.Out.WriteLine($"'{editor}' ended with {code} (set EDITOR to choose another); nothing was changed");
                    return null;
                }

                try
                {
                    // Validated under the copy's name first: its lines are what the reviewer sees in the editor.
                    RuleDocument edited = RuleFile.Load(copy);
                    if (edited.Text == document.Text) return null;
                    RuleDocument named = RuleFile.Parse(edited.Text, document.Path);
                    RuleEditor.Save(document, named);
                    return named;
                }
                catch (VsException e) when (e.ExitCode == ExitCode.BadInput)
                {
                    context.Out.WriteLine(e.Message);
                    context.Out.Write("[e]dit again, any other key drops the changes ? ");
                    context.Out.Flush();
                    ConsoleKeyInfo? key = context.Terminal.ReadKey();
                    context.Out.WriteLine();
                    if (key is null || char.ToLowerInvariant(key.Value.KeyChar) != 'e') return null;
                }
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
