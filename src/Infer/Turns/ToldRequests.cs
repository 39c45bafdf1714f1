using VirtualServices.Infer.Inventory;

namespace VirtualServices.Infer.Turns;

/// <summary>Requests whose ids the source of the session knows, so that calls that name them find them, also after the answer. The latest ones are kept.</summary>
internal sealed class ToldRequests
{
    /// <summary>Requests that are kept: calls name a request that is open, or was a moment ago.</summary>
    internal const int Most = 1 << 16;

    private readonly Dictionary<(ProcessState Process, ulong Id), ToldRequest> _byId = [];
    private readonly Queue<(ProcessState Process, ulong Id)> _byAge = [];

    /// <summary>A request begins. An id that is used again names the latest.</summary>
    public ToldRequest Begin(ProcessState process, ulong id, ConnectionEnd end)
    {
        var request = new ToldRequest(end, end.Turns);
        var key = (process, id);
        if (_byId.TryAdd(key, request)) _byAge.Enqueue(key);
        else _byId[key] = request;
        if (_byAge.Count > Most) _byId.Remove(_byAge.Dequeue());
        return request;
    }

    /// <summary>The process's request of this id, or null.</summary>
    public ToldRequest? Find(ProcessState process, ulong id) => _byId.GetValueOrDefault((process, id));
}

/// <summary>A request whose id the source knows.</summary>
/// <param name="end">Its connection.</param>
/// <param name="number">Its number on the connection.</param>
internal sealed class ToldRequest(ConnectionEnd end, long number)
{
    /// <summary>Its connection while that has no later request, else null.</summary>
    public ConnectionEnd? Current => !end.Closed && end.Turns == number ? end : null;

    /// <summary>What the reader of the walk keeps of it.</summary>
    public object? Notes { get; set; }
}
