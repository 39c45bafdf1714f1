using System.Text;
using CsCheck;
using VirtualServices.Discover.Sessions;
using VirtualServices.Linux.Files;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Tests;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class SessionJsonTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-session").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_is_read_again_and_written_the_same()
    {
        byte[] first = SessionJson.Write(Sample.Info);
        SessionInfo read = Read(first);
        Assert.Equal(first, SessionJson.Write(read));
        Assert.Equal(Sample.Info.Processes, read.Processes);
        Assert.Equal(Sample.Info.Sockets[0].Description, read.Sockets[0].Description);
    }

    [Fact]
    public void Another_version_is_refused_with_both_versions_named()
    {
        string text = Encoding.UTF8.GetString(SessionJson.Write(Sample.Info)).Replace("\"formatVersion\": 1", "\"formatVersion\": 2", StringComparison.Ordinal);
        VsException error = Assert.Throws<VsException>(() => Read(Encoding.UTF8.GetBytes(text)));
        Assert.Equal(ExitCode.BadInput, error.ExitCode);
        Assert.Contains("session.json:2: expected session format version 1, this session has 2: ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"processes\": [", "\"processes\": [ null,", "expected no null in the list 'processes'")]
    [InlineData("\"counts\": [", "\"counts\": [ { \"source\": \"x\", \"events\": 0, \"lost\": 9223372036854775807 },", "expected a count from 0 to 1000000000000000")]
    [InlineData("\"received\": 9", "\"received\": -9", "expected a count from 0 to 1000000000000000")]
    [InlineData("\"dropped\": 3", "\"dropped\": 9223372036854775807", "expected a count from 0 to 1000000000000000")]
    [InlineData("\"services\": [", "\"services\": [ null,", "expected no null in the list 'services'")]
    [InlineData("\"match\": [", "\"match\": [ null,", "expected no null in the list 'services'")]
    [InlineData("\"holders\": [", "\"holders\": [ null,", "expected no null in the list 'sockets'")]
    [InlineData("\"counts\": [", "\"counts\": [ null,", "expected no null in the list 'counts'")]
    [InlineData("\"services\": [", "\"services\": [ { \"match\": [], \"name\": \"x\" }, { \"name\": \"x\", \"match\": [] },", "expected services with names of their own, this name was there before")]
    [InlineData("\"clock\": {", "\"clock\": null, \"c\": {", "expected 'clock' as 'vs show --schema' describes it, with all that is required")]
    [InlineData("\"startNs\": 1", "\"startNs\": 1.5, \"c\": 1", "expected 'clock.startNs' as 'vs show --schema' describes it, with all that is required")]
    [InlineData("\"startNs\": 1", "\"startNs\": 9000000", "expected 'clock.startNs' from -4611686018427387904 to 4611686018427387904")]
    [InlineData("\"startNs\": 1", "\"startNs\": -9000000", "expected 'clock.startNs' from -4611686018427387904 to 4611686018427387904")]
    [InlineData("\"utcOffsetNs\": 1", "\"utcOffsetNs\": 5", "expected 'clock.utcOffsetNs' from -4611686018427387904 to 4611686018427387904")]
    [InlineData("\"endNs\": 0", "\"endNs\": 5", "expected 'clock.endNs' not before 'clock.startNs' (1000000000000), or 0 for a recording that was cut")]
    [InlineData("\"pid\": ", "\"pid\": -", "expected a process id of 0 or more")]
    [InlineData("\"formatVersion\": 1", "\"formatVersion\": \"1\"", "expected formatVersion as a number (1), this is text in quotes")]
    [InlineData("\"listen:tcp/5432\"", "\"listen:5432\"", "'services[0].match[0]': expected a selector such as listen:tcp/5432")]
    [InlineData("\"host\": ", "\"host\": x", "expected JSON, the text is broken here")]
    public void What_no_recorder_writes_is_refused_with_its_line(string before, string after, string expected)
    {
        string text = Encoding.UTF8.GetString(SessionJson.Write(Sample.Info));
        int at = text.IndexOf(before, StringComparison.Ordinal);
        int line = text[..at].Count(c => c == '\n') + 1;
        VsException error = Assert.Throws<VsException>(() => Read(Encoding.UTF8.GetBytes(text[..at] + after + text[(at + before.Length)..])));
        Assert.Equal((ExitCode.BadInput, $"{Path.Combine(_folder, "session.json")}:{line}: {expected}"), (error.ExitCode, error.Message));
    }

    [Theory]
    [InlineData("clock")]
    [InlineData("services")]
    [InlineData("processes")]
    [InlineData("counts")]
    public void A_member_that_is_not_there_is_named(string member)
    {
        string text = Encoding.UTF8.GetString(SessionJson.Write(Sample.Info)).Replace($"  \"{member}\":", "  \"other\":", StringComparison.Ordinal);
        Assert.Equal($"{Path.Combine(_folder, "session.json")}:1: expected '{member}', it is not there", Assert.Throws<VsException>(() => Read(Encoding.UTF8.GetBytes(text))).Message);
    }

    [Theory]
    [InlineData("session.json", "expected a session description: this is a folder, a pipe or a device")]
    [InlineData("events.nettrace", "expected the session's events: this is a folder, a pipe or a device")]
    public void A_pipe_in_the_place_of_a_file_is_not_waited_for(string file, string expected)
    {
        File.WriteAllBytes(Path.Combine(_folder, "session.json"), SessionJson.Write(Sample.Info));
        string path = Path.Combine(_folder, file);
        File.Delete(path);
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", [path])) mkfifo.WaitForExit();
        Assert.Equal($"{path}: {expected}", Assert.Throws<VsException>(() => SessionReader.Open(_folder)).Message);
    }

    [Fact]
    public void A_broken_value_is_named_with_its_line()
    {
        string text = Encoding.UTF8.GetString(SessionJson.Write(Sample.Info)).Replace("\"listen:tcp/5432\"", "\"nonsense\"", StringComparison.Ordinal);
        int line = text[..text.IndexOf("nonsense", StringComparison.Ordinal)].Count(c => c == '\n') + 1;
        VsException error = Assert.Throws<VsException>(() => Read(Encoding.UTF8.GetBytes(text)));
        Assert.Contains($"session.json:{line}: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_other_bytes_give_one_error_with_exit_code_3()
    {
        byte[] good = SessionJson.Write(Sample.Info);
        (from place in Gen.Int[0, good.Length - 1] from value in Gen.Byte from cut in Gen.Int[0, good.Length] select (place, value, cut)).Sample(
            change =>
            {
                byte[] bad = [.. good];
                bad[change.place] = change.value;
                try
                {
                    Read(change.cut % 3 == 0 ? bad[..change.cut] : bad);
                }
                catch (VsException error)
                {
                    Assert.Equal(ExitCode.BadInput, error.ExitCode);
                    Assert.Contains("session.json", error.Message, StringComparison.Ordinal);
                }
            },
            iter: 2000,
            threads: 1);
    }

    [Fact]
    public void A_session_is_closed_to_others_and_never_written_through_a_link()
    {
        string path = Path.Combine(_folder, "s");
        using (PrivateFolder folder = PrivateFolder.Create(path))
        {
            using (SessionWriter writer = new(folder, Sample.Info)) writer.Complete(Sample.Info);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(path));
            foreach (string file in Directory.GetFiles(path)) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            Assert.Equal(["events.nettrace", "session.json"], Directory.GetFiles(path).Select(Path.GetFileName).Order());
        }

        Assert.Equal(ExitCode.Usage, Assert.Throws<VsException>(() => PrivateFolder.Create(path)).ExitCode);

        string target = Path.Combine(_folder, "target"), link = Path.Combine(_folder, "link");
        Directory.CreateDirectory(target);
        Directory.CreateSymbolicLink(link, target);
        foreach (string name in (string[])[link, link + "/", link + "//", link + "/.", link + "/./"])
            Assert.Equal(ExitCode.Permission, Assert.Throws<VsException>(() => PrivateFolder.Create(name)).ExitCode);
        Assert.Empty(Directory.EnumerateFileSystemEntries(target));
        PrivateFolder.Create(Path.Combine(_folder, "new") + "/").Dispose();
        Assert.True(Directory.Exists(Path.Combine(_folder, "new")));

        string planted = Path.Combine(_folder, "planted");
        using PrivateFolder opened = PrivateFolder.Create(planted);
        File.CreateSymbolicLink(Path.Combine(planted, "events.nettrace"), Path.Combine(target, "victim"));
        Assert.Throws<VsException>(() => opened.CreateFile("events.nettrace").Dispose());
        Assert.False(File.Exists(Path.Combine(target, "victim")));
    }

    [Fact]
    public void Where_no_session_can_be_made_the_exit_code_tells_a_wrong_name_from_a_missing_right()
    {
        string file = Path.Combine(_folder, "file"), absent = Path.Combine(_folder, "absent"), target = Path.Combine(_folder, "target"), dangling = Path.Combine(_folder, "dangling"), filled = Path.Combine(_folder, "filled");
        File.WriteAllText(file, "");
        Directory.CreateDirectory(target);
        Directory.CreateSymbolicLink(Path.Combine(_folder, "link"), target);
        File.CreateSymbolicLink(dangling, absent);
        Directory.CreateDirectory(Path.Combine(filled, "x"));
        Assert.Equal((ExitCode.Usage, $"cannot make folder '{absent}/s': '{absent}' is no folder. Make it first, or name another."), Refused(Path.Combine(absent, "s")));
        Assert.Equal((ExitCode.Usage, $"cannot make folder '{file}/s': '{file}' is no folder. Make it first, or name another."), Refused(Path.Combine(file, "s")));
        Assert.Equal((ExitCode.Usage, $"cannot use '{file}': it is no folder. Name a folder that does not exist yet."), Refused(file));
        Assert.Equal((ExitCode.Usage, $"folder '{filled}' is not empty. Name a new folder, or remove what is in it."), Refused(filled));
        Assert.Equal(ExitCode.Permission, Refused(Path.Combine(_folder, "link")).Code);
        Assert.Equal(ExitCode.Permission, Refused(dangling).Code);
        Assert.False(Directory.Exists(absent));

        using PrivateFolder held = PrivateFolder.Create(target);
        Assert.Equal(ExitCode.Usage, Refused(target).Code);
        if (Environment.IsPrivilegedProcess) Assert.Equal(ExitCode.Permission, Refused(Foreign()).Code);

        static (ExitCode Code, string Message) Refused(string path)
        {
            VsException error = Assert.Throws<VsException>(() => PrivateFolder.Create(path));
            return (error.ExitCode, error.Message);
        }

        string Foreign()
        {
            string path = Path.Combine(_folder, "foreign");
            Directory.CreateDirectory(path);
            using var chown = System.Diagnostics.Process.Start("chown", ["1", path]);
            chown.WaitForExit();
            return path;
        }
    }

    [Fact]
    public void A_file_that_cannot_be_replaced_leaves_no_half_one_beside_it()
    {
        string path = Path.Combine(_folder, "s");
        using PrivateFolder folder = PrivateFolder.Create(path);
        Directory.CreateDirectory(Path.Combine(path, "session.json"));
        Assert.Throws<VsException>(() => folder.Replace("session.json", "x"u8));
        Assert.Equal(["session.json"], Directory.EnumerateFileSystemEntries(path).Select(Path.GetFileName));
    }

    private SessionInfo Read(byte[] bytes)
    {
        string path = Path.Combine(_folder, "session.json");
        File.WriteAllBytes(path, bytes);
        return SessionJson.Read(path);
    }
}
