using System.Text;

namespace VirtualServices.Cli;

/// <summary>An output that may fail: the disk behind it is full, or it is closed.</summary>
/// <param name="inner">Where to write.</param>
/// <param name="failed">What to do then: throw, or go on without.</param>
internal sealed class GuardedWriter(TextWriter inner, Action<Exception> failed) : TextWriter(inner.FormatProvider)
{
    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Guard(inner, value, static (to, what) => to.Write(what));

    public override void Write(char[] buffer, int index, int count) => Guard(inner, (buffer, index, count), static (to, what) => to.Write(what.buffer, what.index, what.count));

    public override void Write(string? value) => Guard(inner, value, static (to, what) => to.Write(what));

    // In one piece, so that lines of several threads do not mix.
    public override void WriteLine(string? value) => Guard(inner, value, static (to, what) => to.WriteLine(what));

    public override void Flush() => Guard(inner, 0, static (to, _) => to.Flush());

    private void Guard<T>(TextWriter to, T what, Action<TextWriter, T> write)
    {
        try
        {
            write(to, what);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            failed(e);
        }
    }
}
