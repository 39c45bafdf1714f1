using VirtualServices.Model;

namespace VirtualServices.Discover.Recording;

/// <summary>Tells whether this host can record, by loading the recorder; nothing is recorded.</summary>
public static class RecorderProbe
{
    private const int SmallRing = 4096;

    /// <summary>Loads and unloads the recorder.</summary>
    /// <returns>Null where recording works, else why not and what helps.</returns>
    public static string? Run()
    {
        try
        {
            using RecorderProgram program = new(RecordLevel.Syscalls, SmallRing, []);
            return null;
        }
        catch (VsException error)
        {
            return error.Message;
        }
    }
}
