namespace VirtualServices.Discover.Sessions;

/// <summary>JSON Schema (2020-12) of <c>session.json</c>, for other tools.</summary>
public static class SessionSchema
{
    /// <summary>The schema's text.</summary>
    public static string Text
    {
        get
        {
            using Stream stream = typeof(SessionSchema).Assembly.GetManifestResourceStream("session.schema.json")
                ?? throw new InvalidOperationException("the program was built without session.schema.json");
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd();
        }
    }
}
