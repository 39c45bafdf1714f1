namespace VirtualServices.Discover.Recording;

/// <summary>Switches a recording off and on while it goes on, so that its cost can be measured below the same connections. What happens while it is off is missing, and nobody counts it.</summary>
internal sealed class RecorderSwitch : IDisposable
{
    private readonly ManualResetEventSlim _on = new(false), _started = new(false);
    private RecorderProgram? _program;

    /// <inheritdoc/>
    public void Dispose()
    {
        _on.Dispose();
        _started.Dispose();
    }

    /// <summary>Waits until the recording has begun.</summary>
    internal void WaitForStart(CancellationToken cancel) => _started.Wait(cancel);

    /// <summary>Takes the programs from the kernel's hooks, and nothing is looked at any more.</summary>
    internal void Off()
    {
        _on.Reset();
        _program!.Detach();
    }

    /// <summary>Puts them back.</summary>
    internal void On()
    {
        _program!.Attach();
        _on.Set();
    }

    internal void Begin(RecorderProgram program)
    {
        _program = program;
        _on.Set();
        _started.Set();
    }

    internal void Wait(CancellationToken cancel)
    {
        try
        {
            _on.Wait(cancel);
        }
        catch (OperationCanceledException)
        {
            // The recording ends as always.
        }
    }
}
