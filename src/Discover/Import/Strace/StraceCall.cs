using System.Globalization;
using VirtualServices.Discover.Import.Calls;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Strace;

/// <summary>Takes from the arguments of a call what its name says is there.</summary>
internal static class StraceCall
{
    /// <summary>Reads; false where the arguments are not those of the call.</summary>
    /// <param name="name">Name of the call, one that <see cref="CallNames"/> knows.</param>
    /// <param name="rest">What stands behind its first bracket.</param>
    /// <param name="call">Filled, except for time and thread.</param>
    /// <param name="returned">False where the call never returned.</param>
    internal static bool TryRead(ReadOnlySpan<char> name, ReadOnlySpan<char> rest, TracedCall call, out bool returned)
    {
        returned = false;
        if (!StraceArguments.TryRead(rest, out StraceArguments arguments)) return false;
        returned = arguments.Returned;
        call.Result = arguments.Result;
        call.DurationNs = Math.Max(arguments.DurationNs, 0);
        call.ResultLabel = StraceValues.LabelOf(arguments.ResultLabel);
        CallForm form = CallNames.KindOf(name);
        switch (form)
        {
            case CallForm.Socket:
                call.Protocol = ProtocolOf(arguments[0], arguments[1]);
                call.CloseOnExec = arguments[1].Contains("CLOEXEC", StringComparison.Ordinal);
                return true;
            case CallForm.Pair:
                return TryPair(name, in arguments, call);
            case CallForm.Fork:
                ReadClone(name, in arguments, call);
                return true;
            case CallForm.Exec:
                call.Program = StraceValues.Quoted(arguments[name is "execveat" ? 1 : 0]);
                return true;
            case CallForm.Other:
                return true;
            case CallForm.CloseRange:
                return TryRange(in arguments, call);
        }

        if (!StraceValues.TryDescriptor(arguments[0], out int fd, out SocketLabel label)) return call.Result < 0 || !call.ResultLabel.Equals(SocketLabel.None) || arguments[0].StartsWith("-");
        call.Fd = fd;
        call.Label = label;
        ReadMore(name, form, in arguments, call);
        return true;
    }

    private static void ReadMore(ReadOnlySpan<char> name, CallForm form, in StraceArguments arguments, TracedCall call)
    {
        switch (form)
        {
            case CallForm.Accept or CallForm.Connect or CallForm.Bind or CallForm.LocalName or CallForm.RemoteName:
                call.Address = StraceValues.AddressIn(arguments[1]);
                call.CloseOnExec = arguments[3].Contains("CLOEXEC", StringComparison.Ordinal);
                break;
            case CallForm.Receive or CallForm.Send when name is "recvfrom" or "sendto":
                call.Address = StraceValues.AddressIn(arguments[4]);
                break;
            case CallForm.Receive or CallForm.Send when name is "recvmsg" or "sendmsg":
                call.Address = StraceValues.AddressIn(arguments[1]);
                break;
            case CallForm.Receive or CallForm.Send when name.Contains("mmsg", StringComparison.Ordinal):
                ReadMessages(arguments[1], call);
                break;
            case CallForm.Transfer:
                ReadSecond(arguments[name is "splice" ? 2 : 1], call);
                if (name is "splice") (call.Fd, call.Fd2, call.Label, call.Label2) = (call.Fd2, call.Fd, call.Label2, call.Label);
                break;
            case CallForm.Duplicate:
                call.CloseOnExec = arguments[2].Contains("CLOEXEC", StringComparison.Ordinal);
                break;
            case CallForm.Control:
                call.Argument = arguments[1] switch { "F_DUPFD" => 0, "F_SETFD" => 2, "F_DUPFD_CLOEXEC" => 1030, _ => -1 };
                call.CloseOnExec = arguments[2].Contains("FD_CLOEXEC", StringComparison.Ordinal);
                break;
        }
    }

    private static void ReadSecond(ReadOnlySpan<char> argument, TracedCall call)
    {
        if (!StraceValues.TryDescriptor(argument, out int fd, out SocketLabel label)) return;
        call.Fd2 = fd;
        call.Label2 = label;
    }

    private static void ReadMessages(ReadOnlySpan<char> argument, TracedCall call)
    {
        // [{msg_hdr={msg_name={sa_family=...}, ...}, msg_len=31}, ...]: the messages that were moved come first.
        for (int from = 0; call.Messages.Count < call.Result;)
        {
            long length = StraceValues.NumberBehind(argument, "msg_len=", from, out int next);
            if (length < 0) break;
            call.Messages.Add((StraceValues.AddressIn(argument[from..next]), length));
            from = next;
        }
    }

    private static bool TryPair(ReadOnlySpan<char> name, in StraceArguments arguments, TracedCall call)
    {
        call.Protocol = name is "socketpair" ? TransportProtocol.Unix : TransportProtocol.Pipe;
        ReadOnlySpan<char> pair = arguments[name is "socketpair" ? 3 : 0];
        call.CloseOnExec = arguments[name is "socketpair" ? 1 : 1].Contains("CLOEXEC", StringComparison.Ordinal);
        if (call.Result < 0) return true;
        int comma = pair.IndexOf(", ");
        if (pair.Length < 5 || pair[0] != '[' || pair[^1] != ']' || comma < 0) return false;
        if (!StraceValues.TryDescriptor(pair[1..comma], out int one, out SocketLabel label)) return false;
        call.Fd = one;
        call.Label = label;
        ReadSecond(pair[(comma + 2)..^1], call);
        return call.Fd2 >= 0;
    }

    private static void ReadClone(ReadOnlySpan<char> name, in StraceArguments arguments, TracedCall call)
    {
        if (name is "fork" or "vfork") return;
        for (int i = 0; i < arguments.Count; i++)
        {
            call.MakesThread |= arguments[i].Contains("CLONE_THREAD", StringComparison.Ordinal);
            call.SharesFiles |= arguments[i].Contains("CLONE_FILES", StringComparison.Ordinal);
        }
    }

    private static bool TryRange(in StraceArguments arguments, TracedCall call)
    {
        if (!int.TryParse(arguments[0], NumberStyles.None, CultureInfo.InvariantCulture, out int first)) return false;
        call.Fd = first;
        call.Argument = long.TryParse(arguments[1], NumberStyles.None, CultureInfo.InvariantCulture, out long last) ? last : int.MaxValue; // ~0U
        if (call.Result < 0 || arguments[2].Contains("CLOEXEC", StringComparison.Ordinal)) call.Argument = -1;
        return true;
    }

    private static TransportProtocol ProtocolOf(ReadOnlySpan<char> family, ReadOnlySpan<char> type) => family switch
    {
        "AF_UNIX" or "AF_LOCAL" or "PF_LOCAL" => TransportProtocol.Unix,
        "AF_INET" or "AF_INET6" or "PF_INET" or "PF_INET6" when type.StartsWith("SOCK_STREAM") => TransportProtocol.Tcp,
        "AF_INET" or "AF_INET6" or "PF_INET" or "PF_INET6" when type.StartsWith("SOCK_DGRAM") => TransportProtocol.Udp,
        _ => TransportProtocol.None,
    };
}
