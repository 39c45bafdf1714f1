using VirtualServices.Cli.Commands;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Cli.Tests;

public sealed class RecordCommandTests
{
    [Theory]
    [InlineData("", 0, "")]
    [InlineData("sleep 5", 0, "")]
    [InlineData("sleep 5", 3, "; the command exited with 3")]
    [InlineData("sleep 5", null, "; the command still ran and was ended")]
    [InlineData("", null, "")]
    public void A_recording_tells_how_its_command_ended(string command, int? code, string sentence) =>
        Assert.Equal(sentence, RecordCommand.OfCommand(command.Split(' ', StringSplitOptions.RemoveEmptyEntries), code));

    [Theory]
    [InlineData(0, 0, "", false)]
    [InlineData(1, 0, "", true)]
    [InlineData(0, 1, "", true)]
    [InlineData(0, 0, "The interface disappeared", true)]
    public void What_is_missing_is_a_loss_wherever_it_got_lost(long events, long packets, string failure, bool lossy)
    {
        SessionInfo session = new(
            1, "id", "host", "6.1", "boot", "record", "syscalls", new SessionClock("CLOCK_MONOTONIC", 1, 2, 0), [], [], [],
            [new SourceCount("ring", 10, events), new SourceCount(PacketsInfo.Source, 10, packets)], true, null, new PacketsInfo(0, [new PacketInterface("lo", Failure: failure)]));
        Assert.Equal(lossy, RecordCommand.IsLossy(session));
    }
}
