using CsCheck;
using Microsoft.ML;
using Microsoft.ML.Calibrators;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers.FastTree;
using VirtualServices.Infer.Links;
using VirtualServices.Model;
using VirtualServices.Training.Learning;
using VirtualServices.Training.Simulation;

namespace VirtualServices.Training.Tests;

public sealed class TrainerTests
{
    /// <summary>Links whose chance to be right rises with the margin, and falls with the number of candidates.</summary>
    private static List<Example> Some(int seed, int count)
    {
        var random = new Random(seed);
        List<Example> examples = [];
        for (int i = 0; i < count; i++)
        {
            LinkFeatures features = default;
            for (int j = 0; j < LinkFeatures.Count; j++) features[j] = (float)(random.NextDouble() * 10 - 3);
            double chance = 1 / (1 + Math.Exp(features.Get(Feature.Candidates) - features.Get(Feature.Margin)));
            examples.Add(new Example(i % 7, i, WorkStyle.Threads, features, true, random.NextDouble() < chance, true, 0));
        }

        return examples;
    }

    /// <summary>Trained once: it takes seconds.</summary>
    private static readonly Lazy<(BinaryPredictionTransformer<CalibratedModelParametersBase<FastTreeBinaryModelParameters, PlattCalibrator>> Model, MLContext Context)> Trained =
        new(static () => (Trainer.Fit(Some(1, 5_000), out MLContext context), context));

    private static RegressionTreeEnsemble Trees => Trained.Value.Model.Model.SubModel.TrainedTreeEnsemble;

    [Fact]
    public void The_engine_gives_the_scores_of_ML_NET()
    {
        List<Example> others = Some(2, 2_000);
        string text = Trainer.WriteCurve(Trainer.WriteTrees(Trees), others);
        BoostedTrees trees = BoostedTrees.Read(new StringReader(text), "trained");
        Assert.True(trees.Nodes > 100);
        float[] expected = Trainer.Scores(Trained.Value.Context, Trained.Value.Model, others);
        for (int i = 0; i < others.Count; i++) Assert.Equal(expected[i], trees.Score(others[i].Features), 1e-4 * Math.Max(1, Math.Abs(expected[i])));
        Assert.True(expected.Distinct().Count() > 400, "scores that are all alike prove nothing");
    }

    [Fact]
    public void What_every_link_has_is_kept_whatever_the_trees_are()
    {
        List<Example> others = Some(2, 100);
        BoostedTrees plain = Read(Trainer.WriteTrees(Trees)), shifted = Read(Trainer.WriteTrees(Trees.Trees, Trees.TreeWeights, Trees.Bias + 1.25));
        foreach (Example other in others) Assert.Equal(plain.Score(other.Features) + 1.25, shifted.Score(other.Features), 9);
        Assert.Equal(1.25, Read(Trainer.WriteTrees([], [], 1.25)).Score(others[0].Features));
        Assert.Empty(Trainer.Train(Some(1, 150)).Trees); // too few for two leaves: ML.NET leaves such trees out

        BoostedTrees Read(string trees) => BoostedTrees.Read(new StringReader(Trainer.WriteCurve(trees, others)), "trained");
    }

    [Fact]
    public void The_same_examples_give_the_same_bytes()
    {
        List<Example> examples = Some(1, 5_000);
        string one = Trainer.WriteTrees(Trees), two = Trainer.WriteTrees(Trainer.Train(examples));
        Assert.Equal(one, two);
        Assert.Equal(Trainer.WriteCurve(one, examples), Trainer.WriteCurve(two, examples));
    }

    [Fact]
    public void The_embedded_model_has_the_engines_features_and_is_small()
    {
        Assert.True(ConfidenceModel.Embedded.Nodes > 100);
        using Stream model = typeof(ConfidenceModel).Assembly.GetManifestResourceStream(ConfidenceModel.Resource)!;
        Assert.InRange(model.Length, 1_000, 300_000);
    }

    [Fact]
    public void A_damaged_model_is_refused_and_never_misread()
    {
        string text = Trainer.WriteCurve(Trainer.WriteTrees(Trees), Some(5, 2_000));
        string[] lines = text.Split('\n');
        Gen.Select(Gen.Int[0, lines.Length - 2], Gen.Int[0, 3], Gen.String[Gen.Char["0123456789.-~ eN"], 0, 8]).Sample((at, how, with) =>
        {
            List<string> changed = [.. lines];
            if (how == 0) changed.RemoveAt(at);
            else if (how == 1) changed.Insert(at, with);
            else if (how == 2) changed[at] = with;
            else changed.RemoveRange(at, changed.Count - at);
            BoostedTrees trees;
            try
            {
                trees = BoostedTrees.Read(new StringReader(string.Join('\n', changed)), "changed");
            }
            catch (VsException error)
            {
                Assert.Equal(ExitCode.BadInput, error.ExitCode);
                return;
            }

            // What is read still ends, and gives a probability.
            Assert.InRange(trees.Confidence(Some(6, 1)[0].Features), 0, 1);
        });
    }

    [Fact]
    public void A_curve_rises_and_comes_near_to_the_shares() =>
        Gen.Int[1, 1_000_000].Sample(seed =>
        {
            var random = new Random(seed);
            List<(double Score, bool Right, double Weight)> links = [];
            for (int i = 0; i < 20_000; i++)
            {
                double score = random.NextDouble() * 8 - 4;
                links.Add((score, random.NextDouble() < 1 / (1 + Math.Exp(-score)), 1));
            }

            List<(double Score, double Probability)> curve = Calibration.Fit(links);
            for (int i = 1; i < curve.Count; i++) Assert.True(curve[i].Score > curve[i - 1].Score && curve[i].Probability > curve[i - 1].Probability);
            foreach ((double score, double probability) in curve) Assert.InRange(probability, 1 / (1 + Math.Exp(-score)) - 0.15, 1 / (1 + Math.Exp(-score)) + 0.15);
        }, iter: 20);
}
