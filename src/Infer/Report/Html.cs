using System.Globalization;
using System.Net;

namespace VirtualServices.Infer.Report;

/// <summary>Writes HTML. Text goes through <see cref="Text"/>: process names, paths and addresses are somebody else's words.</summary>
internal sealed class Html(TextWriter output)
{
    /// <summary>Markup of ours, as it is.</summary>
    public Html Raw(string markup)
    {
        output.Write(markup);
        return this;
    }

    /// <summary>Text, escaped for content and for attributes in double quotes.</summary>
    public Html Text(string text)
    {
        output.Write(WebUtility.HtmlEncode(Words.Printable(text)));
        return this;
    }

    /// <summary>A number as coordinates take it.</summary>
    public Html Number(double value)
    {
        output.Write(value.ToString("0.##", CultureInfo.InvariantCulture));
        return this;
    }

    /// <summary>A whole number with thousands separators.</summary>
    public Html Count(long value)
    {
        output.Write(value.ToString("N0", CultureInfo.InvariantCulture));
        return this;
    }

    /// <summary>An element with text.</summary>
    public Html Element(string name, string text) => Raw($"<{name}>").Text(text).Raw($"</{name}>\n");
}
