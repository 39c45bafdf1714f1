using System.Text.Json;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Sessions;

/// <summary>What the serialiser would let pass in a <c>session.json</c>: another version, elements that are null, counts that cannot be, two services of one name, members that are not there.</summary>
internal static class SessionJsonCheck
{
    // The file's own members, and those of an object in one of its lists.
    private const int MemberDepth = 1, ElementMemberDepth = 3;

    // More events than a machine has in a year, and few enough that sums of many counts fit.
    private const long MostCounted = 1_000_000_000_000_000;

    /// <exception cref="VsException">Exit code 3 with the line.</exception>
    /// <exception cref="JsonException">The text is no JSON.</exception>
    internal static void Run(ReadOnlySpan<byte> bytes, string path)
    {
        CheckVersion(bytes, path);
        Utf8JsonReader reader = new(bytes);
        HashSet<string> services = new(StringComparer.Ordinal);
        HashSet<string> missing = [.. SessionJsonContext.Default.SessionInfo.Properties.Where(property => property.IsRequired).Select(property => property.Name)];
        string list = "";
        string member = "";
        long startNs = 0;
        for (JsonTokenType before = JsonTokenType.None; reader.Read(); before = reader.TokenType)
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == MemberDepth) missing.Remove(list = reader.GetString()!);
            if (reader.TokenType == JsonTokenType.PropertyName) member = reader.GetString()!;
            if (reader.TokenType == JsonTokenType.Null && before != JsonTokenType.PropertyName) throw VsException.BadInput(Place(bytes, path, in reader), $"expected no null in the list '{list}'");
            if (list is "counts" or "packets" && reader.TokenType == JsonTokenType.Number && (!reader.TryGetInt64(out long count) || count is < 0 or > MostCounted))
                throw VsException.BadInput(Place(bytes, path, in reader), $"expected a count from 0 to {MostCounted}");
            if (list == "processes" && member == "pid" && reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int pid) && pid < 0)
                throw VsException.BadInput(Place(bytes, path, in reader), "expected a process id of 0 or more");
            if (list == "clock" && reader.TokenType == JsonTokenType.Number) CheckTime(bytes, path, in reader, member, ref startNs);
            if (list != "services" || reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != ElementMemberDepth || !reader.ValueTextEquals("name")) continue;
            reader.Read();
            if (reader.TokenType == JsonTokenType.String && !services.Add(reader.GetString()!)) throw VsException.BadInput(Place(bytes, path, in reader), "expected services with names of their own, this name was there before");
        }

        if (missing.Count > 0) throw VsException.BadInput($"{path}:1", $"expected '{missing.Order(StringComparer.Ordinal).First()}', it is not there");
    }

    // What is no whole number is left to the serialiser, which knows the type.
    private static void CheckTime(ReadOnlySpan<byte> bytes, string path, in Utf8JsonReader reader, string member, ref long startNs)
    {
        if (!reader.TryGetInt64(out long time)) return;
        if (time is < -SessionClock.FurthestNs or > SessionClock.FurthestNs) throw VsException.BadInput(Place(bytes, path, in reader), $"expected 'clock.{member}' from {-SessionClock.FurthestNs} to {SessionClock.FurthestNs}");
        if (member == "startNs") startNs = time;
        if (member == "endNs" && time != 0 && time < startNs) throw VsException.BadInput(Place(bytes, path, in reader), $"expected 'clock.endNs' not before 'clock.startNs' ({startNs}), or 0 for a recording that was cut");
    }

    /// <summary>The version is looked at first: another version may differ in everything else.</summary>
    private static void CheckVersion(ReadOnlySpan<byte> bytes, string path)
    {
        Utf8JsonReader reader = new(bytes);
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != MemberDepth || !reader.ValueTextEquals("formatVersion")) continue;
            reader.Read();
            if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int number) && number == SessionInfo.CurrentFormatVersion) return;
            if (reader.TokenType == JsonTokenType.String) throw VsException.BadInput(Place(bytes, path, in reader), $"expected formatVersion as a number ({SessionInfo.CurrentFormatVersion}), this is text in quotes");
            string found = reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray ? "another" : System.Text.Encoding.UTF8.GetString(reader.ValueSpan);
            throw VsException.BadInput(Place(bytes, path, in reader), $"expected session format version {SessionInfo.CurrentFormatVersion}, this session has {found}: read it with the version of vs that recorded it");
        }

        throw VsException.BadInput($"{path}:1", "expected an object with formatVersion");
    }

    private static string Place(ReadOnlySpan<byte> bytes, string path, in Utf8JsonReader reader) => $"{path}:{bytes[..(int)reader.TokenStartIndex].Count((byte)'\n') + 1}";
}
