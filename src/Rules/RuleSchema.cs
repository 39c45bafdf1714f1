namespace VirtualServices.Rules;

/// <summary>JSON Schema (2020-12) of the rule file, for editors and other tools.</summary>
public static class RuleSchema
{
    /// <summary>The schema's text.</summary>
    public static string Text
    {
        get
        {
            using Stream stream = typeof(RuleSchema).Assembly.GetManifestResourceStream("rules.schema.json")
                ?? throw new InvalidOperationException("the program was built without rules.schema.json");
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd();
        }
    }
}
