using System.Text;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Rules;

/// <summary>What the rules say of virtual services and services, kept in the kernel for <c>vs status</c>, <c>top</c>, <c>explain</c> and <c>assign</c>: they run in other processes, also after the enforcer's death.</summary>
internal static class ShareTable
{
    private const int TextBytes = 255;

    /// <summary>Writes the shares of a generation, and the selectors.</summary>
    public static void Write(GateKernel kernel, CompiledRules rules, uint generation)
    {
        Dictionary<string, uint> ids = rules.VirtualServices.ToDictionary(vs => vs.VirtualService.Name, vs => vs.Id);
        foreach ((uint id, VirtualService vs) in rules.VirtualServices)
        {
            kernel["vs_shares"].Update(Key(generation, id), new ShareRecord(
                vs.Parent is null ? 0 : ids[vs.Parent],
                (uint)vs.Cpu.Weight,
                vs.Cpu.Max is { } max ? Math.Max(1, (uint)(max * 1000)) : 0,
                (uint)vs.Network.Weight,
                (ulong)(vs.Network.AssuredBitsPerSecond ?? 0),
                (ulong)(vs.Network.MaxBitsPerSecond ?? 0),
                (uint)(vs.Limits?.Processes ?? 0),
                (uint)(vs.Limits?.Sockets ?? 0)));
            WriteText(kernel, IdKind.FrontDoors, id, vs.FrontDoors);
        }

        foreach ((uint id, Service service) in rules.Services) WriteText(kernel, IdKind.Matches, id, service.Match);
    }

    /// <summary>Shares of the virtual services that are alive in a generation, by number.</summary>
    public static Dictionary<uint, ShareRecord> Read(GateKernel kernel, uint generation)
    {
        Dictionary<uint, ShareRecord> shares = [];
        foreach (ulong key in kernel["vs_shares"].Keys<ulong>())
            if (key >> 32 == generation && kernel["vs_shares"].TryLookup(key, out ShareRecord share)) shares[(uint)key] = share;
        return shares;
    }

    /// <summary>Selectors as <see cref="Write"/> kept them; those that did not fit are missing.</summary>
    public static IReadOnlyList<Selector> Selectors(IdTable ids, IdKind kind, uint id)
    {
        List<Selector> selectors = [];
        foreach (string text in (ids.Name(kind, id) ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries))
            if (Selector.TryParse(text, out Selector selector, out _)) selectors.Add(selector);
        return selectors;
    }

    private static ulong Key(uint generation, uint id) => ((ulong)generation << 32) | id;

    // One a line; whole lines only.
    private static void WriteText(GateKernel kernel, IdKind kind, uint id, IReadOnlyList<Selector> selectors)
    {
        Bytes256 text = default;
        int length = 0;
        foreach (Selector selector in selectors)
        {
            byte[] line = Encoding.UTF8.GetBytes(selector.ToString() + '\n');
            if (length + line.Length > TextBytes) break;
            line.CopyTo(text[length..]);
            length += line.Length;
        }

        kernel["names"].Update(((ulong)kind << 32) | id, text);
    }
}
