using System.Text.Json;
using System.Text.Json.Serialization;
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
            CheckVersion(bytes, path);
            return JsonSerializer.Deserialize(bytes, SessionJsonContext.Default.SessionInfo) ?? throw VsException.BadInput($"{path}:1", "expected an object");
        }
        catch (JsonException error)
        {
            throw VsException.BadInput($"{path}:{(error.LineNumber ?? 0) + 1}", $"expected a session description: {error.Message}", error);
        }
        catch (Exception error) when (error is InvalidOperationException or NotSupportedException or ArgumentException or FormatException)
        {
            throw VsException.BadInput($"{path}:1", $"expected a session description: {error.Message}", error);
        }
    }

    private static byte[] ReadBytes(string path)
    {
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

    /// <summary>The version is looked at first: another version may differ in everything else.</summary>
    private static void CheckVersion(byte[] bytes, string path)
    {
        using JsonDocument document = JsonDocument.Parse(bytes);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("formatVersion", out JsonElement version))
            throw VsException.BadInput($"{path}:1", "expected an object with formatVersion");
        if (version.ValueKind != JsonValueKind.Number || !version.TryGetInt32(out int number) || number != SessionInfo.CurrentFormatVersion)
            throw VsException.BadInput(path, $"expected session format version {SessionInfo.CurrentFormatVersion}, this session has {version.GetRawText()}: read it with the version of vs that recorded it");
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
