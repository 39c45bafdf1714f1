namespace VirtualServices.Infer.Links;

/// <summary>What a yes or a no says for a link: how much more often it is heard of true links than of others. Learnt from the links found so far.</summary>
internal sealed class Odds
{
    /// <summary>Before anything is learnt it says nothing, and never more than this, nats: links that were found by it must not prove it.</summary>
    private const double Most = 5;

    private double _yes, _no, _yesElsewhere, _noElsewhere, _keptYes, _keptNo, _keptYesElsewhere, _keptNoElsewhere;
    private double _logYes, _logNo;

    public double Log(bool yes) => yes ? _logYes : _logNo;

    public void Add(bool yes, bool link)
    {
        if (link && yes) _yes++;
        else if (link) _no++;
        else if (yes) _yesElsewhere++;
        else _noElsewhere++;
    }

    public void Reset() => (_yes, _no, _yesElsewhere, _noElsewhere) = (_keptYes, _keptNo, _keptYesElsewhere, _keptNoElsewhere);

    public void Keep(double part) =>
        (_keptYes, _keptNo, _keptYesElsewhere, _keptNoElsewhere) = (_yes * part, _no * part, _yesElsewhere * part, _noElsewhere * part);

    public void Estimate()
    {
        double share = (_yes + 1) / (_yes + _no + 2), elsewhere = (_yesElsewhere + 1) / (_yesElsewhere + _noElsewhere + 2);
        _logYes = Math.Clamp(Math.Log(share / elsewhere), -Most, Most);
        _logNo = Math.Clamp(Math.Log((1 - share) / (1 - elsewhere)), -Most, Most);
    }
}
