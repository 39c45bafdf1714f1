using VirtualServices.Infer.Links;

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
            Assert.True(BoostedTrees.Read(reader).Nodes > 100);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
