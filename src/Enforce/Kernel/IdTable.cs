using System.Security.Cryptography;
using System.Text;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Kernel;

/// <summary>
/// Numbers for names. Once given, a number stays with its name while the gates live, over restarts of the enforcer with another rule file,
/// because tags of tasks and sockets hold numbers. The table lives in the map <c>names</c>.
/// </summary>
internal sealed class IdTable
{
    /// <summary>Not classified.</summary>
    public const uint None = 0;

    /// <summary>Number of <see cref="VirtualService.BestEffort"/>.</summary>
    public const uint BestEffort = 1;

    /// <summary>No virtual service: the group of processes that take the connections of all.</summary>
    public const uint Takers = uint.MaxValue;

    private readonly Dictionary<(IdKind Kind, string Name), uint> _ids = [];
    private readonly Dictionary<(IdKind Kind, uint Id), string> _names = [];
    private readonly Dictionary<IdKind, uint> _highest = [];

    /// <summary>A table that knows best effort only.</summary>
    public IdTable() => Add(IdKind.VirtualService, VirtualService.BestEffort, BestEffort);

    /// <summary>Reads the table that earlier enforcers left.</summary>
    public static IdTable Read(BpfMap names)
    {
        IdTable table = new();
        foreach (ulong key in names.Keys<ulong>())
            if (names.TryLookup(key, out Bytes256 name)) table.Add((IdKind)(key >> 32), TextOf(name), (uint)key);
        return table;
    }

    /// <summary>Number of a name; a new name gets the next free one.</summary>
    public uint Id(IdKind kind, string name)
    {
        name = Fit(name);
        if (_ids.TryGetValue((kind, name), out uint id)) return id;
        id = _highest.GetValueOrDefault(kind) + 1;
        Add(kind, name, id);
        return id;
    }

    /// <summary>Highest number given so far.</summary>
    public uint Highest(IdKind kind) => _highest.GetValueOrDefault(kind);

    /// <summary>Name of a number; null for 0 and for numbers never given.</summary>
    public string? Name(IdKind kind, uint id) => _names.GetValueOrDefault((kind, id));

    /// <summary>All numbers of a kind with their names.</summary>
    public IEnumerable<(uint Id, string Name)> All(IdKind kind) => _names.Where(entry => entry.Key.Kind == kind).Select(entry => (entry.Key.Id, entry.Value)).OrderBy(entry => entry.Id);

    /// <summary>Writes what the map does not hold yet.</summary>
    public void Write(BpfMap names)
    {
        foreach (((IdKind kind, uint id), string name) in _names)
        {
            Bytes256 text = default;
            Encoding.UTF8.GetBytes(name, text[..255]);
            names.Update(((ulong)kind << 32) | id, text);
        }
    }

    private void Add(IdKind kind, string name, uint id)
    {
        _ids[(kind, name)] = id;
        _names[(kind, id)] = name;
        _highest[kind] = Math.Max(_highest.GetValueOrDefault(kind), id);
    }

    private static string TextOf(in Bytes256 name)
    {
        ReadOnlySpan<byte> bytes = name;
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    // A name that does not fit is cut and made unique by its digest.
    private static string Fit(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length <= 255) return name;
        return string.Concat(name.AsSpan(0, 60), "#", Convert.ToHexString(SHA256.HashData(bytes)));
    }
}
