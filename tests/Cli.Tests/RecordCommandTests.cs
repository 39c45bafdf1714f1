using VirtualServices.Cli.Commands;

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
}
