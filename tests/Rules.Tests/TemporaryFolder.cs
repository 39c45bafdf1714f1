namespace VirtualServices.Rules.Tests;

internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vs-rules-tests-");

    public string PathOf(string name) => Path.Combine(_folder.FullName, name);

    public string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(PathOf(name), bytes);
        return PathOf(name);
    }

    public string Write(string name, string text)
    {
        File.WriteAllText(PathOf(name), text);
        return PathOf(name);
    }

    public IEnumerable<string> Names => Directory.EnumerateFileSystemEntries(_folder.FullName).Select(path => Path.GetFileName(path)!).Order();

    public void Dispose() => _folder.Delete(recursive: true);
}
