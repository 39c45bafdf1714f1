using System.Runtime.InteropServices;

namespace VirtualServices.Rules.Editing;

/// <summary>The exception that .NET's own file calls would have thrown for the errno.</summary>
internal static class NativeError
{
    private const int Eperm = 1;
    private const int Enoent = 2;
    private const int Eacces = 13;
    private const int Enotdir = 20;
    private const int Erofs = 30;

    public static Exception Make(string operation)
    {
        int errno = Marshal.GetLastPInvokeError();
        string message = $"{operation}: {Marshal.GetPInvokeErrorMessage(errno)}";
        return errno switch
        {
            Eperm or Eacces or Erofs => new UnauthorizedAccessException(message),
            Enoent or Enotdir => new DirectoryNotFoundException(message),
            _ => new IOException(message),
        };
    }
}
