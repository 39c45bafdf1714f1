using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace VirtualServices.Linux.Bpf;

/// <summary>Keeps what libbpf says (the verifier's words among it), so that an exception can tell why something was refused.</summary>
internal static unsafe partial class BpfLog
{
    private const int KeptCharacters = 16_384;

    // The verifier's log comes as one message; what decides is at its end.
    private const int LongestMessage = 1 << 20;
    private const int DebugLevel = 2;

    [ThreadStatic]
    private static StringBuilder? _text;

    internal static void Install() => LibBpf.libbpf_set_print(&Print);

    /// <summary>Takes what was said on this thread since the last call; only the end of it where it is long.</summary>
    internal static string Take()
    {
        if (_text is null) return "";
        string text = _text.ToString().Trim();
        _text.Clear();
        return text;
    }

    // Called on the thread that called libbpf. The third argument is the va_list, which the C ABI passes as a pointer.
    [UnmanagedCallersOnly]
    private static int Print(int level, byte* format, nint arguments)
    {
        if (level >= DebugLevel) return 0;
        StringBuilder text = _text ??= new StringBuilder();
        byte* buffer = (byte*)NativeMemory.Alloc(LongestMessage);
        int length = vsnprintf(buffer, LongestMessage, format, arguments);
        if (length > 0) text.Append(Encoding.UTF8.GetString(buffer, Math.Min(length, LongestMessage - 1)));
        NativeMemory.Free(buffer);
        if (text.Length > KeptCharacters) text.Remove(0, text.Length - KeptCharacters);
        return 0;
    }

    [LibraryImport("libc")]
    private static partial int vsnprintf(byte* buffer, nuint size, byte* format, nint arguments);

    /// <summary>Installs the callback once, before the first use of libbpf.</summary>
    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255", Justification = "libbpf would print to standard error before any other hook of ours")]
    internal static void OnLoad()
    {
        if (NativeLibrary.TryLoad("libbpf.so.1", typeof(BpfLog).Assembly, null, out _)) Install();
    }
}
