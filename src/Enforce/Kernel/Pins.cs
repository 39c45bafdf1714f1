namespace VirtualServices.Enforce.Kernel;

/// <summary>Where the gates' maps, attachments and iterators are pinned, so that they outlive the enforcer.</summary>
/// <param name="Root">A folder in a bpffs.</param>
internal sealed record Pins(string Root)
{
    /// <summary>Where <c>vs</c> pins.</summary>
    public static readonly Pins Default = new("/sys/fs/bpf/virtual-services");

    private string Maps => Path.Combine(Root, "maps");

    private string Links => Path.Combine(Root, "links");

    /// <summary>True where an enforcement left something here, complete or not.</summary>
    public bool Exist => Directory.Exists(Root);

    /// <summary>Pin of a map.</summary>
    public string Map(string name) => Path.Combine(Maps, name);

    /// <summary>Pin of an attachment or iterator.</summary>
    public string Link(string name) => Path.Combine(Links, name);

    /// <summary>Makes the folders; only root may look inside.</summary>
    public void Create()
    {
        foreach (string folder in (ReadOnlySpan<string>)[Root, Maps, Links])
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Detaches the gates: what no process holds open is gone with its pin.</summary>
    public void RemoveLinks() => RemoveFolder(Links);

    /// <summary>Removes everything.</summary>
    public void Remove()
    {
        RemoveLinks();
        RemoveFolder(Maps);
        if (Directory.Exists(Root)) Directory.Delete(Root);
    }

    private static void RemoveFolder(string folder)
    {
        if (!Directory.Exists(folder)) return;
        foreach (string pin in Directory.GetFiles(folder)) File.Delete(pin);
        Directory.Delete(folder);
    }
}
