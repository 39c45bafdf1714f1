using System.Text.Json;
using System.Text.Json.Serialization;
using VirtualServices.Linux.Files;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Sessions;

/// <summary>Reads and writes <c>session.json</c>. Order and spelling are stable.</summary>
public static class SessionJson
{
    /// <summary>Name of the file in a session folder.</summary>
    public const string FileName = "session.json";

    private const long MaximumBytes = 1 << 30;

    /// <summary>The file's bytes.</summary>
    public static byte[] Write(SessionInfo session) => JsonSerializer.SerializeToUtf8Bytes(session, SessionJsonContext.Default.SessionInfo);

    /// <summary>Reads a file.</summary>
    /// <exception cref="VsException">It is absent, malformed, or of another format version (exit code 3, with the line).</exception>
    public static SessionInfo Read(string path)
    {
        byte[] bytes = ReadBytes(path);
        try
        {
            SessionJsonCheck.Run(bytes, path);
            return JsonSerializer.Deserialize(bytes, SessionJsonContext.Default.SessionInfo) ?? throw VsException.BadInput($"{path}:1", "expected an object");
        }
        catch (JsonException error)
        {
            throw VsException.BadInput($"{path}:{(error.LineNumber ?? 0) + 1}", Expected(error), error);
        }
        catch (Exception error) when (error is InvalidOperationException or NotSupportedException or ArgumentException or FormatException)
        {
            throw VsException.BadInput($"{path}:1", "expected a session as 'vs show --schema' describes it", error);
        }
    }

    /// <summary>The serialiser's own texts speak of .NET types, which mean nothing to whoever has the file.</summary>
    private static string Expected(JsonException error)
    {
        if (error.Path is null) return "expected JSON, the text is broken here";
        string what = error.Path is "$" ? "a session" : $"'{error.Path.TrimStart('$', '.')}'";
        return error is SessionValueException ? $"{what}: {error.Message}" : $"expected {what} as 'vs show --schema' describes it, with all that is required";
    }

    private static byte[] ReadBytes(string path)
    {
        if (FileId.Of(path) is { IsRegular: false }) throw VsException.BadInput(path, "expected a session description: this is a folder, a pipe or a device");
        try
        {
            if (new FileInfo(path).Length > MaximumBytes) throw VsException.BadInput(path, "expected a session description of at most 1 GiB");
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw VsException.BadInput(path, "expected a session: there is no such file. Name a folder that vs record or vs import wrote.", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new VsException(ExitCode.Permission, $"cannot read '{path}': {error.Message} A session belongs to the user who recorded it.", error);
        }
        catch (IOException error)
        {
            throw VsException.BadInput(path, error.Message, error);
        }
    }
}

/// <summary>Source-generated serialisation: no reflection at start.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    Converters = [typeof(EndpointConverter), typeof(SelectorConverter), typeof(ProtocolConverter), typeof(RoleConverter)])]
[JsonSerializable(typeof(SessionInfo))]
internal sealed partial class SessionJsonContext : JsonSerializerContext;
