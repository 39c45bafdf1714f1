using System.Runtime.InteropServices;
using VirtualServices.Infer.Inventory;
using VirtualServices.Model;

namespace VirtualServices.Infer.Links;

/// <summary>One service: what was learnt of it, and the windows of its processes.</summary>
/// <param name="budget">Numbers that all services together may still give.</param>
/// <param name="storage">Room to work in, of all services.</param>
internal sealed class ServiceWindows(NumberBudget budget, SolverStorage storage)
{
    /// <summary>Callees, and kinds of requests, that are told apart: what is learnt of each takes memory. All beyond are taken for one.</summary>
    private const int MostNumbers = 256;

    /// <summary>Requests of a process that are kept for the next window where their times do not say that they are over.</summary>
    private const int MostRequests = 2 * LinkCollector.Window;

    private readonly ServiceModel _model = new();
    private readonly Dictionary<ProcessState, ProcessWindow> _byProcess = [];
    private readonly List<ProcessWindow> _windows = [];
    private readonly Dictionary<(int Party, string Place), int> _callees = [];
    private readonly Dictionary<(int Party, string Place), int> _classes = [];
    private long _told, _handedOver;
    private int _lastPort = -1, _lastClass;
    private int _lastCallee;
    private Party? _lastAsker, _lastCalled;

    public ProcessWindow Of(ProcessState process)
    {
        if (_byProcess.TryGetValue(process, out ProcessWindow? window)) return window;
        window = new ProcessWindow();
        _byProcess.Add(process, window);
        _windows.Add(window);
        return window;
    }

    /// <summary>Takes a call in.</summary>
    public void Add(TracedThread thread, CallNode call)
    {
        Of(thread.Process).Calls.Add(call);
        if (thread.Tid == 0) return;
        _told++;
        if (thread.OpenRequests == 0) _handedOver++;
    }

    /// <summary>Finds the links of what was gathered. Calls sent before the cut are final then, and only what is still open stays.</summary>
    /// <param name="cutNs">The cut.</param>
    /// <param name="trees">The confidence model.</param>
    /// <param name="keepFeatures">Calls keep what speaks for their links.</param>
    public void Solve(long cutNs, BoostedTrees trees, bool keepFeatures)
    {
        foreach (ProcessWindow window in _windows) Prepare(window);
        var solver = new WindowSolver(_model, _windows, storage);
        bool solve = _windows.Exists(static window => window.Calls.Count > 0);
        if (solve) solver.Solve();
        var judge = new LinkJudge(trees, _model, (double)_handedOver / Math.Max(_told, 1), solver.LogNobody, storage, keepFeatures);
        foreach (ProcessWindow window in _windows) judge.Judge(window);
        if (solve) _model.Keep();

        foreach (ProcessWindow window in _windows) Shrink(window, cutNs);
        _windows.RemoveAll(static window => window.IsEmpty);
        foreach ((ProcessState process, ProcessWindow window) in _byProcess)
            if (window.IsEmpty) _byProcess.Remove(process);
    }

    private void Prepare(ProcessWindow window)
    {
        foreach (CallNode call in window.Calls) Number(call);

        foreach (RequestNode request in window.Requests)
        {
            foreach (CallNode call in request.Calls) Number(call);
            if (request.Class < 0) request.Class = ClassOf(request);
        }

        // Also what was proven in an earlier window and is not final: where a window ends must make no difference.
        window.Calls.AddRange(window.Proven);
        window.Proven.Clear();
        foreach (CallNode call in window.Calls)
        {
            if (call.Proof == LinkProof.SameThread && call.Prover is { Interleaves: true }) call.Proof = LinkProof.None;
            if (call.Proven) window.Proven.Add(call);
        }

        window.Calls.RemoveAll(static call => call.Proven);
        window.Prepare();
    }

    private void Number(CallNode call)
    {
        if (call.Callee >= 0) return;
        if (call.Called is not null && call.Called == _lastCalled)
        {
            call.Callee = _lastCallee;
            return;
        }

        call.Callee = NumberOf(_callees, call.Called, call.Called is null ? call.End.Remote.ToString() : "");
        (_lastCalled, _lastCallee) = (call.Called, call.Callee);
    }

    // Nearly always the same as that of the request before.
    private int ClassOf(RequestNode request)
    {
        Endpoint local = request.End.Local;
        if (_lastPort == local.Port && _lastAsker == request.Asker && local.Path.Length == 0) return _lastClass;
        int number = NumberOf(_classes, request.Asker, local.Path.Length > 0 ? local.Path : local.Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
        if (local.Path.Length == 0) (_lastPort, _lastAsker, _lastClass) = (local.Port, request.Asker, number);
        return number;
    }

    private int NumberOf(Dictionary<(int, string), int> numbers, Party? party, string place)
    {
        if (numbers.TryGetValue((party?.Id ?? -1, place), out int number)) return number;
        number = numbers.Count;
        if (number < MostNumbers && budget.Take()) numbers.Add((party?.Id ?? -1, place), number);
        return number;
    }

    private static void Shrink(ProcessWindow window, long cutNs)
    {
        Shrink(window.Calls, cutNs);
        Shrink(window.Proven, cutNs);
        int tooMany = window.Requests.Count - MostRequests, kept = 0;
        Span<RequestNode> requests = CollectionsMarshal.AsSpan(window.Requests);
        foreach (RequestNode request in requests)
        {
            request.Forget();
            if ((request.LastNs >= cutNs && tooMany-- <= 0) || request.LastNs == long.MaxValue || !request.Calls.TrueForAll(static call => call.Final)) requests[kept++] = request;
            else request.ReplyPrompt = default; // what came before is no longer needed, and must not be kept
        }

        window.Requests.RemoveRange(kept, window.Requests.Count - kept);
    }

    private static void Shrink(List<CallNode> calls, long cutNs)
    {
        foreach (CallNode call in calls)
        {
            if (call.TimeNs >= cutNs) continue;
            call.Conclude();
        }

        calls.RemoveAll(static call => call.Final);
    }
}

/// <summary>How many callees and kinds of requests are told apart, of all services together: what is learnt of each takes 50 KB.</summary>
internal sealed class NumberBudget
{
    private int _left = 4096;

    /// <returns>False where nothing is left.</returns>
    public bool Take() => _left > 0 && _left-- > 0;
}
