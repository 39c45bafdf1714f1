using VirtualServices.Model;

namespace VirtualServices.Linux.Cgroups;

/// <summary>The weights and maxima of a group and of all below it, as they were at one moment.</summary>
public sealed class SavedShares
{
    private readonly CpuHierarchy _hierarchy;
    private readonly string _root;
    private readonly List<(string Group, string File, string Text)> _settings = [];
    private readonly HashSet<string> _groups = new(StringComparer.Ordinal);

    /// <summary>Reads them.</summary>
    /// <param name="hierarchy">The hierarchy.</param>
    /// <param name="root">The topmost group; it need not exist.</param>
    public SavedShares(CpuHierarchy hierarchy, string root)
    {
        ArgumentNullException.ThrowIfNull(hierarchy);
        _hierarchy = hierarchy;
        _root = root;
        foreach (string group in hierarchy.Tree(root))
        {
            _groups.Add(hierarchy.Folder(group));
            foreach (string file in hierarchy.ShareFiles)
            {
                string path = Path.Combine(hierarchy.Folder(group), file);
                if (File.Exists(path)) _settings.Add((group, file, File.ReadAllText(path).Trim()));
            }
        }
    }

    /// <summary>Sets them again, and removes groups that were made since and hold no process.</summary>
    /// <exception cref="VsException">The kernel refuses one; the others are set.</exception>
    public void Restore()
    {
        foreach (string group in _hierarchy.Tree(_root).Where(group => !_groups.Contains(_hierarchy.Folder(group))).ToList())
            if (_hierarchy.Processes(group).Count == 0) _hierarchy.Remove(group);

        // v1 refuses a maximum of a parent below that of a child, and one of a child above that of its parent: each round gets at least one level right.
        VsException? refused = null;
        for (int left = _settings.Count; left > 0;)
        {
            refused = null;
            int before = left;
            left = 0;
            foreach ((string group, string file, string text) in _settings)
            {
                try
                {
                    _hierarchy.Set(group, file, text);
                }
                catch (VsException error)
                {
                    refused = error;
                    left++;
                }
            }

            if (left == before) break;
        }

        if (refused is not null) throw refused;
    }
}
