using VirtualServices.Linux.Cgroups;

namespace VirtualServices.Kernel.Tests;

/// <summary>A cgroup that a process lived in before anything was enforced.</summary>
internal sealed class TestGroup : IDisposable
{
    private readonly CpuHierarchy _hierarchy = CgroupMount.WithCpu(CgroupMount.Find())!.Open();

    public TestGroup() => _hierarchy.Create(Path);

    public string Path { get; } = $"/vs-test-{Environment.ProcessId}";

    public void Add(int pid) => _hierarchy.MoveProcess(Path, pid);

    public void Dispose()
    {
        // What is ending is listed for a while and cannot be moved.
        Wait.Until(
            () =>
            {
                foreach (int pid in _hierarchy.Processes(Path)) _hierarchy.MoveProcess("/", pid);
                return !_hierarchy.Processes(Path).Any();
            },
            $"all processes of {Path} are elsewhere or gone");
        _hierarchy.Remove(Path);
    }
}
