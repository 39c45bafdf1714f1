using VirtualServices.Infer.Links;
using VirtualServices.Model;

namespace VirtualServices.Infer.Tests;

public sealed class BoostedTreesTests
{
    private static readonly string Features = "features " + string.Join(' ', LinkFeatures.Names);

    /// <summary>One question to the third feature, and a curve.</summary>
    private static readonly string[] Good =
    [
        "virtual services confidence model 2", Features, "bias 0.5", "tree 2", "2 1.5 -1 1", "2 4 -2 -3", "leaves -1 0 1", "curve 3", "-0.5 0.1", "0.5 0.6", "1.5 0.9", "end",
    ];

    private static BoostedTrees Read(IEnumerable<string> lines) => BoostedTrees.Read(new StringReader(string.Join('\n', lines) + "\n"), "some.model");

    [Theory]
    [InlineData(1.5f, 0.1)] // -1 + 0.5
    [InlineData(2f, 0.6)]
    [InlineData(5f, 0.9)]
    public void A_model_is_read_and_evaluated(float margin, double probability)
    {
        BoostedTrees trees = Read(Good);
        LinkFeatures features = default;
        features[2] = margin;
        Assert.Equal((2, probability), (trees.Nodes, trees.Confidence(features)));
        Assert.Equal(0.35, trees.Probability(0), 9);
        Assert.Equal((0.1, 0.9), (trees.Probability(-100), trees.Probability(100)));
    }

    /// <summary>Which features are known is drawn; so are the others, which are asked for.</summary>
    [Fact]
    public void Trees_that_know_some_features_beforehand_say_the_same()
    {
        Random dice = new(1);
        for (int round = 0; round < 200; round++)
        {
            LinkFeatures known = Draw(dice), asked = Draw(dice);
            uint which = round == 0 ? 0 : round == 1 ? (1u << LinkFeatures.Count) - 1 : (uint)dice.Next(1 << LinkFeatures.Count);
            for (int i = 0; i < LinkFeatures.Count; i++)
            {
                if ((which >> i & 1) != 0) asked[i] = known[i];
            }

            BoostedTrees given = ConfidenceModel.Embedded.Given(in known, which);
            Assert.Equal(ConfidenceModel.Embedded.Score(in asked), given.Score(in asked));
            Assert.Equal(ConfidenceModel.Embedded.Confidence(in asked), given.Confidence(in asked));
            if (round == 1) Assert.Equal(0, given.Nodes);
        }
    }

    private static LinkFeatures Draw(Random dice)
    {
        LinkFeatures features = default;
        for (int i = 0; i < LinkFeatures.Count; i++) features[i] = (float)(dice.NextDouble() * 30 - 12);
        return features;
    }

    [Theory]
    [InlineData(1, "virtual services confidence model 1")]
    [InlineData(2, "features Margin")]
    [InlineData(3, "bias NaN")]
    [InlineData(3, "tree 2")]
    [InlineData(4, "tree 0")]
    [InlineData(4, "tree 99999999")]
    [InlineData(4, "tree 1x")]
    [InlineData(5, "99 1.5 -1 1")]
    [InlineData(5, "2 NaN -1 1")]
    [InlineData(5, "2 ∞ -1 1")]
    [InlineData(5, "2 1e39 -1 1")]
    [InlineData(5, "2 1,5 -1 1")]
    [InlineData(5, "2 1.5 -1 0")]
    [InlineData(5, "2 1.5 -4 1")]
    [InlineData(5, "2 1.5 -1 2")]
    [InlineData(5, "2 1.5 -1")]
    [InlineData(7, "leaves -1 0")]
    [InlineData(7, "leaves -1 0 NaN")]
    [InlineData(7, "leaves -1 0 Infinity")]
    [InlineData(7, "leaves -1 0 1e300")]
    [InlineData(8, "curve")]
    [InlineData(8, "curve 0")]
    [InlineData(8, "curve -1")]
    [InlineData(9, "-0.5 -0.01")]
    [InlineData(9, "-0.5 NaN")]
    [InlineData(9, "NaN 0.1")]
    [InlineData(9, "-0.5")]
    [InlineData(9, "-0.5 0.1 0.1")]
    [InlineData(10, "-0.5 0.6")]
    [InlineData(10, "0.5 0.05")]
    [InlineData(11, "1.5 1.01")]
    [InlineData(11, "1.5 Infinity")]
    [InlineData(12, "")]
    [InlineData(12, "2.5 0.95")]
    public void What_is_damaged_is_refused_by_file_and_line(int line, string instead)
    {
        string[] lines = [.. Good];
        lines[line - 1] = instead;
        VsException error = Assert.Throws<VsException>(() => Read(lines));
        Assert.Equal(ExitCode.BadInput, error.ExitCode);
        Assert.StartsWith($"some.model:{line}: the confidence model is damaged: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_cut_off_anywhere_is_refused()
    {
        string text = string.Join('\n', Good);
        Assert.NotNull(BoostedTrees.Read(new StringReader(text), "m"));
        for (int length = 0; length < text.Length; length++) Assert.Throws<VsException>(() => BoostedTrees.Read(new StringReader(text[..length]), "m"));
    }

    [Fact]
    public void What_follows_the_end_is_refused() =>
        Assert.StartsWith("some.model:12: ", Assert.Throws<VsException>(() => Read([.. Good, "tree 1"])).Message, StringComparison.Ordinal);

    [Fact]
    public void Huge_numbers_take_no_memory()
    {
        string[] lines = [.. Good];
        lines[3] = "tree 65536";
        Assert.StartsWith("some.model:7: ", Assert.Throws<VsException>(() => Read(lines)).Message, StringComparison.Ordinal);
    }
}
