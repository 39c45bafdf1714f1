namespace VirtualServices.Model.Sessions;

/// <summary>By which means a thread woke another (<see cref="CallKind.Wake"/>). The numbers are part of the session format.</summary>
public enum WakeMeans
{
    /// <summary>Another call, or not known.</summary>
    Unknown = 0,

    /// <summary>A futex: mutex, condition variable, semaphore of the program.</summary>
    Futex = 1,

    /// <summary>A write to a pipe.</summary>
    Pipe = 2,

    /// <summary>A write to an eventfd.</summary>
    Eventfd = 3,

    /// <summary>A signal.</summary>
    Signal = 4,

    /// <summary>The waker ended, and the other waited for that.</summary>
    Exit = 5,
}
