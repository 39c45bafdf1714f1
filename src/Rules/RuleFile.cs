using System.Text;
using VirtualServices.Model;
using VirtualServices.Rules.Editing;
using VirtualServices.Rules.Reading;
using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules;

/// <summary>Reads and writes rule files.</summary>
public static class RuleFile
{
    /// <summary>Largest rule file that is read, in bytes. Ten thousand gates with evidence need less.</summary>
    public const int MaxBytes = 16 * 1024 * 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a rule file strictly.</summary>
    /// <exception cref="VsException">
    /// Exit code 3 with one line per error (<c>file:line: what, expected what</c>) where the file is missing or breaks the rule language; 5 where it may not be read.
    /// </exception>
    public static RuleDocument Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Decode(ReadBytes(path), path);
    }

    /// <summary>Reads the text of a rule file; <paramref name="path"/> is only named in messages.</summary>
    public static RuleDocument Parse(string text, string path)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(path);
        return Parse(text, path, hasByteOrderMark: false);
    }

    /// <summary>
    /// Writes a rule file atomically: readers see the old or the new file, whatever happens meanwhile. Mode and owner of a file that exists are kept; a new one gets 0644.
    /// </summary>
    /// <exception cref="VsException">Exit code 5 without permission, 1 where the file system fails; the old file is untouched then.</exception>
    public static void Save(string path, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        AtomicFile.Write(path, StrictUtf8.GetBytes(text), expected: null);
    }

    internal static RuleDocument Decode(byte[] bytes, string path)
    {
        bool mark = bytes.AsSpan().StartsWith("\uFEFF"u8);
        ReadOnlySpan<byte> content = bytes.AsSpan(mark ? 3 : 0);
        try
        {
            return Parse(StrictUtf8.GetString(content), path, mark);
        }
        catch (DecoderFallbackException e)
        {
            int line = content[..Math.Clamp(e.Index, 0, content.Length)].Count((byte)'\n') + 1;
            throw VsException.BadInput($"{path}:{line}", "this is not UTF-8 text, expected a rule file in UTF-8", e);
        }
    }

    internal static byte[] ReadBytes(string path)
    {
        try
        {
            if (Directory.Exists(path)) throw VsException.BadInput(path, "this is a folder, expected a rule file");
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var bytes = new MemoryStream();
            byte[] buffer = new byte[64 * 1024];
            for (int read; (read = file.Read(buffer)) > 0;)
            {
                // Counted while reading: devices and pipes have no length to ask for.
                if (bytes.Length + read > MaxBytes) throw VsException.BadInput(path, $"more than {MaxBytes / (1024 * 1024)} MiB, expected a rule file below that");
                bytes.Write(buffer, 0, read);
            }

            return bytes.ToArray();
        }
        catch (UnauthorizedAccessException e)
        {
            throw new VsException(ExitCode.Permission, $"{path}: may not be read by this user: {e.Message}", e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw VsException.BadInput(path, "there is no such file, expected a rule file (vs infer writes one)", e);
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            throw VsException.BadInput(path, $"cannot be read: {e.Message}", e);
        }
    }

    internal static RuleDocument Parse(string text, string path, bool hasByteOrderMark)
    {
        var errors = new RuleErrors(path);
        RefuseControlCharacters(text, errors);
        YamlNode? root = YamlReader.Read(text, errors);
        (RuleSet rules, RuleLines lines) = new RuleSetParser(errors).Read(root);
        return new RuleDocument(path, text, hasByteOrderMark, rules, lines);
    }

    /// <summary>
    /// Text files hold none of these. A lone carriage return and Unicode's line separators are refused, too: YAML counts them as line ends, editors do not, and line numbers would lie.
    /// </summary>
    private static void RefuseControlCharacters(string text, RuleErrors errors)
    {
        int line = 1;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\n') line++;
            bool bad = c is '\u2028' or '\u2029' || (char.IsControl(c) && c is not ('\n' or '\t') && !(c == '\r' && i + 1 < text.Length && text[i + 1] == '\n'));
            if (!bad) continue;
            errors.Add(line, $"control character U+{(int)c:X4}, expected a text file");
            errors.ThrowIfAny();
        }
    }
}
