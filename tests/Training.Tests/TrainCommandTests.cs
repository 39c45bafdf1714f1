using VirtualServices.Infer.Links;
using VirtualServices.Model;

namespace VirtualServices.Training.Tests;

public sealed class TrainCommandTests
{
    [Fact]
    public void The_whole_training_gives_the_same_bytes_again_and_the_engine_reads_them()
    {
        string folder = Directory.CreateTempSubdirectory("vs-train-").FullName;
        try
        {
            string one = Path.Combine(folder, "one"), two = Path.Combine(folder, "two");
            Assert.Equal(0, TrainCommand.Create().Parse(["--scenarios", "3", "-o", one]).Invoke());
            Assert.Equal(0, TrainCommand.Create().Parse(["--scenarios", "3", "-o", two]).Invoke());
            Assert.Equal(File.ReadAllBytes(one), File.ReadAllBytes(two));
            using var reader = new StreamReader(one);
            Assert.True(BoostedTrees.Read(reader, one).Nodes > 100);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("train --scenarios 0", "--scenarios: expected 1 to 10000, this is 0")]
    [InlineData("train --scenarios -1", "--scenarios: expected 1 to 10000, this is -1")]
    [InlineData("train --scenarios 10001", "--scenarios: expected 1 to 10000, this is 10001")]
    [InlineData("train --scenarios many", "many")]
    [InlineData("score --scenarios 0", "--scenarios: expected 1 to 10000, this is 0")]
    [InlineData("score --first -3", "--first: expected 1 to 2147473647, this is -3")]
    [InlineData("simulate --seed 1 --events e --truth t --requests -1", "--requests: expected 0 to 1000000, this is -1")]
    [InlineData("", "")]
    public void Numbers_out_of_range_are_refused_before_anything_is_done(string line, string said)
    {
        var error = new StringWriter();
        Assert.Equal((int)ExitCode.Usage, TrainingProgram.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), error));
        Assert.Contains(said, error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_model_is_refused_by_its_name()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, "virtual services confidence model 1\n");
            var error = new StringWriter();
            Assert.Equal((int)ExitCode.BadInput, TrainingProgram.Run(["score", "--scenarios", "1", "--model", path], error));
            Assert.StartsWith(path + ":1: the confidence model is damaged", error.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
