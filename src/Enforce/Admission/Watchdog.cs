using System.ComponentModel;
using System.Diagnostics;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Admission;

/// <summary>
/// A shell that can do one thing: take every hold back by reading a pinned iterator. It does so when our end of its pipe closes (we died) and when
/// no heartbeat comes while something is held (we hang or are stopped).
/// </summary>
internal sealed class Watchdog : IDisposable
{
    // 60 ms without a heartbeat, and some for the release itself: below 100 ms together.
    private const string Script = """
        trap '' INT TERM HUP QUIT TSTP
        held=
        while :; do
            if [ "$held" ]; then IFS= read -r -n 1 -t 0.06 word; else IFS= read -r -n 1 word; fi
            result=$?
            if [ $result -eq 0 ]; then
                case $word in h) held=1 ;; *) held= ;; esac
                continue
            fi
            IFS= read -r none < "$1"
            [ $result -gt 128 ] || exit 0
        done
        """;

    private const long BeatNs = 20_000_000, LateNs = 50_000_000;
    private readonly string _releaseFile;
    private Process? _process;
    private bool _held;
    private long _lastBeat;

    /// <summary>Starts the process.</summary>
    /// <param name="releaseFile">The pinned iterator.</param>
    public Watchdog(string releaseFile)
    {
        _releaseFile = releaseFile;
        Restart();
        Tell(false, 0); // compiles the way to it, before somebody is held
    }

    /// <summary>Tells that we live and whether something is held.</summary>
    /// <returns>False where the watchdog let go what was held because we were late, or is gone (a new one is started): what is held must be looked at anew.</returns>
    public bool Beat(bool held, long nowNs)
    {
        bool late = _held && nowNs - _lastBeat > LateNs;
        if (held == _held && (!held || nowNs - _lastBeat < BeatNs)) return true;
        return Tell(held, nowNs) && !late;
    }

    /// <summary>Before anything is held: from here on it counts the time.</summary>
    /// <returns>False where it is gone: then nothing may be held. A new one is started.</returns>
    public bool Warn(long nowNs) => _held || Tell(true, nowNs);

    /// <summary>Ends it; by that it takes back whatever is still held.</summary>
    public void Dispose()
    {
        if (_process is null) return;
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It is gone already.
        }

        if (!_process.WaitForExit(1000)) _process.Kill();
        _process.Dispose();
        _process = null;
    }

    private bool Tell(bool held, long nowNs)
    {
        (_held, _lastBeat) = (held, nowNs);
        try
        {
            _process!.StandardInput.BaseStream.Write(held ? "h"u8 : "i"u8);
            _process.StandardInput.BaseStream.Flush();
            return true;
        }
        catch (IOException)
        {
            _process!.Dispose();
            _held = false;
            Restart();
            return false;
        }
    }

    private void Restart()
    {
        ProcessStartInfo start = new("/bin/bash", ["-c", Script, "vs-watchdog", _releaseFile]) { RedirectStandardInput = true, UseShellExecute = false, WorkingDirectory = "/" };
        start.Environment.Clear();
        try
        {
            _process = Process.Start(start);
        }
        catch (Win32Exception error)
        {
            throw new VsException(ExitCode.HostLacks, $"cannot start the watchdog of admission with /bin/bash ({error.Message}): apt-get install bash", error);
        }

        // It must run at once however busy the machine is.
        ThreadScheduling.RealTime(2, _process!.Id);
    }
}
