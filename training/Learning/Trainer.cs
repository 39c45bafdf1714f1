using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers.FastTree;
using VirtualServices.Infer.Links;

namespace VirtualServices.Training.Learning;

/// <summary>Trains the confidence model with ML.NET and writes it as text. One thread and fixed seeds: the same examples give the same bytes.</summary>
internal static class Trainer
{
    private const int TreeCount = 200, LeavesPerTree = 32, LeastExamplesPerLeaf = 100;

    /// <summary>Trains trees.</summary>
    public static RegressionTreeEnsemble Train(IReadOnlyList<Example> examples) => Fit(examples, out _).Model.SubModel.TrainedTreeEnsemble;

    /// <summary>Trains trees, and keeps what ML.NET itself makes of them.</summary>
    public static BinaryPredictionTransformer<Microsoft.ML.Calibrators.CalibratedModelParametersBase<FastTreeBinaryModelParameters, Microsoft.ML.Calibrators.PlattCalibrator>> Fit(
        IReadOnlyList<Example> examples, out MLContext context)
    {
        context = new MLContext(seed: 1);
        Dictionary<int, int> perSeed = examples.CountBy(e => e.Seed).ToDictionary();
        IDataView rows = Rows(context, examples.Select(e => Row.Of(e, WeightOf(perSeed[e.Seed]))));
        var options = new FastTreeBinaryTrainer.Options
        {
            NumberOfTrees = TreeCount,
            NumberOfLeaves = LeavesPerTree,
            MinimumExampleCountPerLeaf = LeastExamplesPerLeaf,
            LearningRate = 0.1,
            NumberOfThreads = 1,
            Seed = 1,
            FeatureSelectionSeed = 1,
            ExampleWeightColumnName = nameof(Row.Weight),
        };
        return context.BinaryClassification.Trainers.FastTree(options).Fit(rows);
    }

    /// <summary>Scores as ML.NET computes them.</summary>
    public static float[] Scores(MLContext context, ITransformer model, IEnumerable<Example> examples) =>
        [.. model.Transform(Rows(context, examples.Select(e => Row.Of(e, 1)))).GetColumn<float>("Score")];

    /// <summary>The model as text, without its curve.</summary>
    public static string WriteTrees(RegressionTreeEnsemble ensemble) => WriteTrees(ensemble.Trees, ensemble.TreeWeights, ensemble.Bias);

    /// <summary>Trees as text, without a curve.</summary>
    /// <param name="trees">The trees.</param>
    /// <param name="weights">How much each counts.</param>
    /// <param name="bias">What every link has.</param>
    public static string WriteTrees(IReadOnlyList<RegressionTree> trees, IReadOnlyList<double> weights, double bias)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        foreach (string line in BoostedTrees.FirstLines()) text.WriteLine(line);
        text.WriteLine("bias " + bias.ToString("R", CultureInfo.InvariantCulture));
        for (int i = 0; i < trees.Count; i++)
        {
            RegressionTree tree = trees[i];
            text.WriteLine($"tree {tree.NumberOfNodes}");
            for (int node = 0; node < tree.NumberOfNodes; node++)
                text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{tree.NumericalSplitFeatureIndexes[node]} {tree.NumericalSplitThresholds[node]:R} {tree.LeftChild[node]} {tree.RightChild[node]}"));
            double weight = weights[i];
            text.WriteLine("leaves " + string.Join(' ', tree.LeafValues.Select(leaf => (leaf * weight).ToString("R", CultureInfo.InvariantCulture))));
        }

        return text.ToString();
    }

    /// <summary>Adds the curve, fitted to other examples than the trees: trees are too sure of those that they have seen.</summary>
    public static string WriteCurve(string trees, IReadOnlyList<Example> examples)
    {
        BoostedTrees model = BoostedTrees.Read(new StringReader(trees + $"curve 1\n0 0\n{BoostedTrees.LastLine}\n"), "the trees");
        Dictionary<int, int> perSeed = examples.CountBy(e => e.Seed).ToDictionary();
        var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        text.Write(trees);
        List<(double Score, double Probability)> curve = CautiousCalibration.Fit([.. examples.Select(e => (e.Seed, model.Score(e.Features), e.Right, WeightOf(perSeed[e.Seed])))]);
        text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"curve {curve.Count}"));
        foreach ((double score, double probability) in curve)
            text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{score:R} {probability:0.00000}"));
        text.WriteLine(BoostedTrees.LastLine);
        return text.ToString();
    }

    /// <summary>A busy scenario must not outweigh all others, a short one says less.</summary>
    private static double WeightOf(int links) => 1000.0 / Math.Max(links, 1000);

    private static IDataView Rows(MLContext context, IEnumerable<Row> rows)
    {
        var schema = SchemaDefinition.Create(typeof(Row));
        schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, LinkFeatures.Count);
        return context.Data.LoadFromEnumerable(rows, schema);
    }

    private sealed class Row
    {
        public bool Label { get; set; }

        public float Weight { get; set; }

        public float[] Features { get; set; } = [];

        public static Row Of(Example example, double weight)
        {
            var features = new float[LinkFeatures.Count];
            for (int i = 0; i < features.Length; i++) features[i] = example.Features[i];
            return new Row { Label = example.Right, Weight = (float)weight, Features = features };
        }
    }
}
