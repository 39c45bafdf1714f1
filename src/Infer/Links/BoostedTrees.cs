using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Infer.Links;

/// <summary>
/// A trained ensemble of regression trees and the curve that makes probabilities of its scores. Trained with ML.NET by the training project; read and evaluated here, because a table of numbers
/// needs no library that takes longer to load than a session takes to read. A test holds both to the same results.
/// </summary>
/// <remarks>
/// Lines of text: <c>features NAME...</c>; <c>bias SCORE</c>, which every link has; <c>tree NODES</c>, then one line per node, <c>FEATURE THRESHOLD LESS-OR-EQUAL GREATER</c>, where a child below 0 is
/// the leaf ~child, then <c>leaves VALUE...</c>; at last <c>curve POINTS</c> and one line per point, <c>SCORE PROBABILITY</c>, in the order of scores, and <c>end</c>: what was cut off is found.
/// </remarks>
internal sealed class BoostedTrees
{
    private const string Header = "virtual services confidence model 2", End = "end";
    private const int MostNodes = 1 << 20, MostNodesPerTree = 1 << 16, MostPoints = 1 << 16;

    /// <summary>Scores beyond this are no scores, and sums of them would end in infinity.</summary>
    private const double MostScore = 1e9;

    private List<double> _scores = [], _probabilities = [];
    private Node[] _nodes = [];
    private int[] _roots = [];
    private double[] _leaves = [];
    private double _bias;

    /// <summary>Nodes of all trees.</summary>
    public int Nodes => _nodes.Length;

    /// <summary>Reads a model.</summary>
    /// <param name="input">Its text.</param>
    /// <param name="file">Its name, for errors.</param>
    /// <exception cref="VsException">It is damaged, or was trained with other features; the error names file and line.</exception>
    public static BoostedTrees Read(TextReader input, string file)
    {
        var trees = new BoostedTrees();
        var builder = new Builder();
        int number = 0;
        try
        {
            if (Next() != Header) throw new FormatException($"expected '{Header}'");
            if (Next() != "features " + string.Join(' ', LinkFeatures.Names)) throw new FormatException("expected the features of this engine, in its order");
            trees._bias = Next().Split(' ') is ["bias", var bias] ? Number(bias, -MostScore, MostScore) : throw new FormatException("expected 'bias SCORE'");
            string line = Next();
            for (; line.StartsWith("tree ", StringComparison.Ordinal); line = Next()) builder.ReadTree(line, Next);
            (trees._nodes, trees._roots, trees._leaves) = ([.. builder.Nodes], [.. builder.Roots], [.. builder.Leaves]);
            trees.ReadCurve(line, Next);
            if (Next() != End) throw new FormatException($"expected '{End}'");
            if (input.Peek() >= 0) throw new FormatException($"expected nothing after '{End}'");
            return trees;
        }
        catch (FormatException error)
        {
            throw VsException.BadInput(string.Create(CultureInfo.InvariantCulture, $"{file}:{number}"), $"the confidence model is damaged: {error.Message}; train it anew, or take the one that came with this version", error);
        }

        string Next()
        {
            number++;
            return input.ReadLine() ?? throw new FormatException("it ends here, and more was expected");
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
        double sum = _bias;
        ReadOnlySpan<Node> nodes = _nodes;
        ReadOnlySpan<float> values = features;
        foreach (int root in _roots)
        {
            int at = root;
            while (at >= 0)
            {
                ref readonly Node node = ref nodes[at];
                at = values[node.Feature] <= node.Threshold ? node.LessOrEqual : node.Greater;
            }

            sum += _leaves[~at];
        }

        return sum;
    }

    /// <summary>These trees where some features are known beforehand: the same scores, by fewer questions.</summary>
    /// <param name="known">The features.</param>
    /// <param name="which">Which of them are known, one bit each.</param>
    public BoostedTrees Given(in LinkFeatures known, uint which)
    {
        ReadOnlySpan<float> values = known;
        Span<int> leads = new int[_nodes.Length]; // to the first node on the way whose answer is not known, or to a leaf
        for (int i = _nodes.Length - 1; i >= 0; i--)
        {
            ref readonly Node node = ref _nodes[i];
            if ((which >> node.Feature & 1) == 0) leads[i] = i;
            else leads[i] = Lead(leads, values[node.Feature] <= node.Threshold ? node.LessOrEqual : node.Greater);
        }

        // Parents come before their children. Ways that nobody takes any more are left out.
        Span<int> places = new int[_nodes.Length];
        int left = 0;
        foreach (int root in _roots) Keep(places, leads[root]);
        for (int i = 0; i < _nodes.Length; i++)
        {
            if (places[i] == 0) continue;
            places[i] = ++left;
            Keep(places, Lead(leads, _nodes[i].LessOrEqual));
            Keep(places, Lead(leads, _nodes[i].Greater));
        }

        var given = new BoostedTrees { _nodes = new Node[left], _roots = new int[_roots.Length], _leaves = _leaves, _bias = _bias, _scores = _scores, _probabilities = _probabilities };
        for (int i = 0; i < _roots.Length; i++) given._roots[i] = Place(places, leads[_roots[i]]);
        for (int i = 0; i < _nodes.Length; i++)
        {
            if (places[i] == 0) continue;
            Node node = _nodes[i];
            given._nodes[places[i] - 1] = node with { LessOrEqual = Place(places, Lead(leads, node.LessOrEqual)), Greater = Place(places, Lead(leads, node.Greater)) };
        }

        return given;

        static int Lead(ReadOnlySpan<int> leads, int child) => child < 0 ? child : leads[child];

        static int Place(ReadOnlySpan<int> places, int lead) => lead < 0 ? lead : places[lead] - 1;

        static void Keep(Span<int> places, int lead)
        {
            if (lead >= 0) places[lead] = 1;
        }
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

    /// <summary>The first lines of a model, and its last one.</summary>
    internal static IEnumerable<string> FirstLines() => [Header, "features " + string.Join(' ', LinkFeatures.Names)];

    internal static string LastLine => End;

    private void ReadCurve(string line, Func<string> next)
    {
        if (line.Split(' ') is not ["curve", var count]) throw new FormatException("expected 'tree NODES' or 'curve POINTS'");
        for (int points = Whole(count, 1, MostPoints); points > 0; points--)
        {
            if (next().Split(' ') is not [var score, var probability]) throw new FormatException("expected 'SCORE PROBABILITY'");
            double at = Number(score, -MostScore, MostScore), right = Number(probability, 0, 1);
            if (_scores.Count > 0 && (at <= _scores[^1] || right < _probabilities[^1])) throw new FormatException("the curve does not rise");
            _scores.Add(at);
            _probabilities.Add(right);
        }
    }

    private static int Whole(string word, int least, int most)
    {
        if (int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most) return number;
        throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"'{word}': expected a whole number from {least} to {most}"));
    }

    private static double Number(string word, double least, double most)
    {
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (double.TryParse(word, Style, CultureInfo.InvariantCulture, out double number) && number >= least && number <= most) return number; // NaN is neither
        throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"'{word}': expected a number from {least} to {most}"));
    }

    /// <summary>A question. Children are indexes of nodes, or, below 0, the leaf ~child; of all trees together.</summary>
    private readonly record struct Node(int Feature, float Threshold, int LessOrEqual, int Greater);

    /// <summary>Trees while they are read.</summary>
    private sealed class Builder
    {
        public List<Node> Nodes { get; } = [];

        public List<int> Roots { get; } = [];

        public List<double> Leaves { get; } = [];

        public void ReadTree(string line, Func<string> next)
        {
            string[] words = line.Split(' ');
            if (words is not ["tree", var count]) throw new FormatException("expected 'tree NODES'");
            int nodes = Whole(count, 1, Math.Min(MostNodesPerTree, MostNodes - Nodes.Count)), root = Nodes.Count;
            Roots.Add(root);
            for (int i = 0; i < nodes; i++)
            {
                words = next().Split(' ');
                if (words.Length != 4) throw new FormatException("expected the four numbers of a node");
                Nodes.Add(new Node(Whole(words[0], 0, LinkFeatures.Count - 1), (float)Number(words[1], float.MinValue, float.MaxValue), Child(words[2]), Child(words[3])));

                // Children come after their parent, so that every way ends.
                int Child(string word)
                {
                    int child = Whole(word, ~nodes, nodes - 1);
                    if (child < 0) return ~(Leaves.Count + ~child);
                    return child > i ? root + child : throw new FormatException($"'{word}': a child comes after its parent");
                }
            }

            words = next().Split(' ');
            if (words[0] != "leaves" || words.Length != nodes + 2) throw new FormatException("expected 'leaves' and one more value than the tree has nodes");
            foreach (string leaf in words.AsSpan(1)) Leaves.Add(Number(leaf, -MostScore, MostScore));
        }
    }
}
