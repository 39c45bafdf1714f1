namespace VirtualServices.Rules;

/// <summary>How bad a finding is.</summary>
public enum Severity
{
    /// <summary>The file does not do what it says.</summary>
    Error,

    /// <summary>It does, but probably not what was meant.</summary>
    Warning,
}

/// <summary>Something that a check found in a readable rule file.</summary>
/// <param name="Severity">How bad it is.</param>
/// <param name="Subject">What it is about: <c>gate 'postgres-accept'</c>, <c>virtual service 'acme'</c>.</param>
/// <param name="Line">Line in the file, from 1.</param>
/// <param name="Text">What is wrong and what to do, one line.</param>
public sealed record Finding(Severity Severity, string Subject, int Line, string Text);
