using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>Unprivileged account that the demo's servers and front ends run as: PostgreSQL refuses to run as root.</summary>
/// <param name="Name">Login name.</param>
/// <param name="Uid">User id.</param>
/// <param name="Gid">Primary group id.</param>
internal sealed record Account(string Name, uint Uid, uint Gid)
{
    /// <summary>This user where it is unprivileged; else <c>postgres</c>, else <c>nobody</c>.</summary>
    /// <exception cref="VsException">We are root, and neither exists.</exception>
    public static Account Choose()
    {
        if (!Environment.IsPrivilegedProcess) return new Account(Environment.UserName, Tmds.Linux.LibC.geteuid(), Tmds.Linux.LibC.getegid());
        string[][] accounts = [.. File.ReadLines("/etc/passwd").Select(line => line.Split(':')).Where(fields => fields.Length >= 4)];
        foreach (string name in (string[])["postgres", "nobody"])
        {
            if (Array.Find(accounts, fields => fields[0] == name) is { } found)
                return new Account(name, uint.Parse(found[2], CultureInfo.InvariantCulture), uint.Parse(found[3], CultureInfo.InvariantCulture));
        }

        throw new VsException(ExitCode.HostLacks, "demo: root may not run PostgreSQL and there is neither a user 'postgres' nor 'nobody' in /etc/passwd: adduser --system postgres");
    }

    /// <summary>Words before a command that make it run as this account; none where we are this account already.</summary>
    public IReadOnlyList<string> Prefix() => Environment.IsPrivilegedProcess
        ? [Tools.Find("setpriv", "util-linux"), $"--reuid={Uid}", $"--regid={Gid}", "--clear-groups", "--"]
        : [];

    /// <summary>Makes a folder that only this account can enter.</summary>
    public void MakeFolder(string path)
    {
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (Environment.IsPrivilegedProcess) Chown(path);
    }

    /// <summary>Gives a file to this account.</summary>
    public unsafe void Chown(string path)
    {
        fixed (byte* name = System.Text.Encoding.UTF8.GetBytes(path + "\0"))
        {
            if (Tmds.Linux.LibC.chown(name, Uid, Gid) != 0)
                throw new VsException(ExitCode.Permission, $"demo: cannot give {path} to user {Name}: errno {Tmds.Linux.LibC.errno}");
        }
    }
}
