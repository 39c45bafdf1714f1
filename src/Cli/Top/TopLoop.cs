using System.Text;
using VirtualServices.Enforce;

namespace VirtualServices.Cli.Top;

/// <summary>Samples, draws and listens to keys until told to end.</summary>
/// <param name="context">Terminal, clock and outputs.</param>
/// <param name="read">Reads the status.</param>
/// <param name="interval">Time between samples.</param>
/// <param name="count">Intervals; 0 for no end.</param>
internal sealed class TopLoop(CommandContext context, Func<EnforcementStatus> read, TimeSpan interval, int count)
{
    // Alternate screen, so that the shell's lines come back; no cursor.
    private const string Enter = "\x1b[?1049h\x1b[?25l", Leave = "\x1b[?25h\x1b[?1049l", Home = "\x1b[H", ClearLine = "\x1b[K", ClearBelow = "\x1b[J";

    private long _sampled;

    /// <summary>At the terminal.</summary>
    public void RunInteractive(TopView view)
    {
        context.Out.Write(Enter);
        try
        {
            Sample(view);
            bool draw = true;
            for (int done = 0; !context.Cancellation.IsCancellationRequested;)
            {
                if (draw) Draw(view);
                draw = false;
                TimeSpan left = interval - context.Clock.GetElapsedTime(_sampled);
                if (left > TimeSpan.Zero && context.Terminal.ReadKey(left, context.Cancellation) is { } key)
                {
                    if (!view.Press(key)) return;
                    draw = true;
                    continue;
                }

                if (context.Clock.GetElapsedTime(_sampled) < interval) continue;
                if (count > 0 && done == count) return;
                Sample(view);
                draw = !view.Paused;
                done++;
            }
        }
        finally
        {
            context.Out.Write(Leave);
            context.Out.Flush();
        }
    }

    /// <summary>Without a terminal: something for each interval.</summary>
    /// <param name="view">Takes the samples.</param>
    /// <param name="write">Writes the last interval.</param>
    public void RunPlain(TopView view, Action write)
    {
        Sample(view);
        for (int done = 0; count == 0 || done < count; done++)
        {
            if (context.Cancellation.WaitHandle.WaitOne(interval)) return;
            Sample(view);
            write();
        }
    }

    private void Sample(TopView view)
    {
        _sampled = context.Clock.GetTimestamp();
        view.Add(read());
    }

    // One write for the whole picture: over ssh it must not flicker.
    private void Draw(TopView view)
    {
        (int width, int height) = context.Terminal.Size;
        StringBuilder picture = new(Home);
        List<string> lines = view.Picture(context.Clock.GetUtcNow(), width, height);
        for (int i = 0; i < lines.Count; i++) picture.Append(lines[i]).Append(ClearLine).Append(i < lines.Count - 1 ? "\r\n" : "");
        context.Out.Write(picture.Append(ClearBelow).ToString());
        context.Out.Flush();
    }
}
