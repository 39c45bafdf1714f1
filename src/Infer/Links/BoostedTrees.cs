using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Infer.Links;

/// <summary>
/// A trained ensemble of regression trees and the curve that makes probabilities of its scores. Trained with ML.NET by the training project; read and evaluated here, because a table of numbers
/// needs no library that takes longer to load than a session takes to read. A test holds both to the same results.
/// </summary>
/// <remarks>
/// Lines of text: <c>features NAME...</c>; <c>tree NODES</c>, then one line per node, <c>FEATURE THRESHOLD LESS-OR-EQUAL GREATER</c>, where a child below 0 is the leaf ~child, then
/// <c>leaves VALUE...</c>; at last <c>curve</c> and one line per point, <c>SCORE PROBABILITY</c>, in the order of scores.
/// </remarks>
internal sealed class BoostedTrees
{
    private const string Header = "virtual services confidence model 1";

    private readonly List<int> _roots = [], _feature = [], _less = [], _greater = [], _firstLeaf = [];
    private readonly List<float> _threshold = [];
    private readonly List<double> _leaf = [], _scores = [], _probabilities = [];

    /// <summary>Nodes of all trees.</summary>
    public int Nodes => _feature.Count;

    /// <summary>Reads a model.</summary>
    /// <exception cref="VsException">It is damaged, or was trained with other features.</exception>
    public static BoostedTrees Read(TextReader input)
    {
        var trees = new BoostedTrees();
        int number = 0;
        try
        {
            if (Next() != Header) throw new FormatException($"'{Header}' expected");
            if (Next() != "features " + string.Join(' ', LinkFeatures.Names)) throw new FormatException("other features than the engine's");
            for (string line = Next(); line != "curve"; line = Next()) trees.ReadTree(line, Next);
            for (string? line = input.ReadLine(); line is not null; line = input.ReadLine())
            {
                number++;
                string[] point = line.Split(' ');
                trees._scores.Add(Number(point[0]));
                trees._probabilities.Add(Number(point[1]));
                int last = trees._scores.Count - 1;
                if (last > 0 && (trees._scores[last] <= trees._scores[last - 1] || trees._probabilities[last] < trees._probabilities[last - 1])) throw new FormatException("a curve that does not rise");
            }

            if (trees._scores.Count == 0) throw new FormatException("no curve");
            return trees;
        }
        catch (Exception error) when (error is FormatException or IndexOutOfRangeException or OverflowException)
        {
            throw new VsException(ExitCode.BadInput, string.Create(CultureInfo.InvariantCulture, $"the confidence model is damaged at line {number}: {error.Message}"), error);
        }

        string Next()
        {
            number++;
            return input.ReadLine() ?? throw new FormatException("it ends too early");
        }
    }

    /// <summary>Knows nothing: what the first examples are judged with.</summary>
    public static BoostedTrees Untrained()
    {
        var trees = new BoostedTrees();
        trees._scores.Add(0);
        trees._probabilities.Add(1);
        return trees;
    }

    /// <summary>Probability that a link with these features is right.</summary>
    public double Confidence(in LinkFeatures features) => Probability(Score(in features));

    /// <summary>Sum over the trees: larger for links that are likelier right.</summary>
    public double Score(in LinkFeatures features)
    {
        double sum = 0;
        for (int tree = 0; tree < _roots.Count; tree++)
        {
            int node = 0, root = _roots[tree];
            while (node >= 0) node = features[_feature[root + node]] <= _threshold[root + node] ? _less[root + node] : _greater[root + node];
            sum += _leaf[_firstLeaf[tree] + ~node];
        }

        return sum;
    }

    /// <summary>Probability that a link with this score is right: between the points of the curve, a straight line.</summary>
    public double Probability(double score)
    {
        int after = _scores.BinarySearch(score);
        if (after < 0) after = ~after;
        if (after == 0) return _probabilities[0];
        if (after == _scores.Count) return _probabilities[^1];
        double part = (score - _scores[after - 1]) / (_scores[after] - _scores[after - 1]);
        return _probabilities[after - 1] + part * (_probabilities[after] - _probabilities[after - 1]);
    }

    /// <summary>The first lines of a model.</summary>
    internal static IEnumerable<string> FirstLines() => [Header, "features " + string.Join(' ', LinkFeatures.Names)];

    private void ReadTree(string line, Func<string> next)
    {
        string[] words = line.Split(' ');
        if (words is not ["tree", var count]) throw new FormatException("'tree NODES' expected");
        int nodes = Whole(count, 1, 1 << 16);
        _roots.Add(_feature.Count);
        _firstLeaf.Add(_leaf.Count);
        for (int i = 0; i < nodes; i++)
        {
            words = next().Split(' ');
            if (words.Length != 4) throw new FormatException("a node has four numbers");
            _feature.Add(Whole(words[0], 0, LinkFeatures.Count - 1));
            _threshold.Add(float.Parse(words[1], CultureInfo.InvariantCulture));

            // Children come after their parent, so that every way ends.
            _less.Add(Child(words[2], i, nodes));
            _greater.Add(Child(words[3], i, nodes));
        }

        words = next().Split(' ');
        if (words[0] != "leaves" || words.Length != nodes + 2) throw new FormatException("a tree has one leaf more than nodes");
        foreach (string leaf in words.AsSpan(1)) _leaf.Add(Number(leaf));
    }

    private static int Child(string word, int node, int nodes)
    {
        int child = Whole(word, ~nodes, nodes - 1);
        return child < 0 || child > node ? child : throw new FormatException("a child before its parent");
    }

    private static int Whole(string word, int least, int most)
    {
        int number = int.Parse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return number >= least && number <= most ? number : throw new FormatException($"{number} is out of range");
    }

    private static double Number(string word)
    {
        double number = double.Parse(word, CultureInfo.InvariantCulture);
        return double.IsFinite(number) ? number : throw new FormatException("not a number");
    }
}
