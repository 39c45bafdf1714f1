using VirtualServices.Discover.Import.Calls;

namespace VirtualServices.Discover.Import.Strace;

/// <summary>Puts the lines of a trace together: halves of calls that others interrupted, and children whose first lines come before the fork that made them has returned.</summary>
internal sealed class StraceTrace(CallTranslator translator, UnusedCounts unused)
{
    /// <summary>Most calls that have begun and not ended: as many as there are threads at most.</summary>
    private const int MostUnfinished = 1 << 20;

    /// <summary>Most lines that wait for a fork to return.</summary>
    private const int MostHeld = 1 << 14;

    private readonly Dictionary<int, (long TimeNs, string Text)> _unfinished = [];
    private readonly HashSet<int> _forking = [];
    private readonly List<(int Tid, long TimeNs, string Text)> _held = [];
    private readonly TracedCall _call = new();

    /// <summary>Takes in a line.</summary>
    internal void Take(int tid, long timeNs, ReadOnlySpan<char> text)
    {
        if (_forking.Count > 0 && !translator.Tasks.Knows(tid) && !_forking.Contains(tid))
        {
            _held.Add((tid, timeNs, text.ToString()));
            if (_held.Count >= MostHeld) Release();
            return;
        }

        Read(tid, timeNs, StraceLine.Parse(text));
        if (_held.Count > 0 && (_forking.Count == 0 || _held.Exists(line => translator.Tasks.Knows(line.Tid)))) Release();
    }

    /// <summary>The end of all files.</summary>
    internal void Complete()
    {
        _forking.Clear();
        Release();
        unused.Add("calls that had not ended at the end of the trace", _unfinished.Count);
    }

    /// <summary>Reads held lines whose thread is known now, or all where no fork is under way.</summary>
    private void Release()
    {
        List<(int Tid, long TimeNs, string Text)> lines = [.. _held];
        _held.Clear();
        bool all = _forking.Count == 0 || lines.Count >= MostHeld;
        foreach ((int tid, long timeNs, string text) in lines)
        {
            if (all || translator.Tasks.Knows(tid)) Read(tid, timeNs, StraceLine.Parse(text));
            else _held.Add((tid, timeNs, text));
        }
    }

    private void Read(int tid, long timeNs, StraceLine line)
    {
        switch (line.Kind)
        {
            case StraceLineKind.Exit:
                _unfinished.Remove(tid);
                _forking.Remove(tid);
                translator.Exit(timeNs, 0, tid);
                break;
            case StraceLineKind.Unfinished:
                Begin(tid, timeNs, line);
                break;
            case StraceLineKind.Resumed:
                Resume(tid, timeNs, line);
                break;
            case StraceLineKind.Call when CallNames.KindOf(line.Name) != CallForm.None:
                Translate(tid, timeNs, 0, line.Comm, line.Name, line.Rest);
                break;
        }
    }

    private void Begin(int tid, long timeNs, StraceLine line)
    {
        CallForm form = CallNames.KindOf(line.Name);
        _unfinished.Remove(tid);
        if (form == CallForm.None || _unfinished.Count >= MostUnfinished) return;
        if (form == CallForm.Fork) _forking.Add(tid);
        _unfinished[tid] = (timeNs, line.Rest.ToString());
    }

    private void Resume(int tid, long timeNs, StraceLine line)
    {
        if (CallNames.KindOf(line.Name) == CallForm.None) return;
        _forking.Remove(tid);
        if (!_unfinished.Remove(tid, out (long TimeNs, string Text) begin))
        {
            unused.Add("ends of calls whose begin is missing");
            return;
        }

        Translate(tid, begin.TimeNs, Math.Max(timeNs - begin.TimeNs, 0), line.Comm, line.Name, string.Concat(begin.Text, line.Rest));
    }

    private void Translate(int tid, long timeNs, long durationNs, ReadOnlySpan<char> comm, ReadOnlySpan<char> name, ReadOnlySpan<char> rest)
    {
        _call.Clear();
        if (!StraceCall.TryRead(name, rest, _call, out bool returned))
        {
            unused.Add("calls whose arguments could not be read");
            return;
        }

        if (!returned) return;
        _call.TimeNs = timeNs;
        if (_call.DurationNs == 0) _call.DurationNs = durationNs;
        _call.Tid = tid;
        _call.Comm = comm.ToString();
        _call.Name = name.ToString();
        translator.Take(_call);
    }
}
