using CsCheck;
using VirtualServices.Infer.Links;

namespace VirtualServices.Infer.Tests;

public sealed class OddsTests
{
    private static Odds Learnt(int yes, int no, int yesElsewhere, int noElsewhere)
    {
        var odds = new Odds();
        for (int i = 0; i < yes; i++) odds.Add(true, link: true);
        for (int i = 0; i < no; i++) odds.Add(false, link: true);
        for (int i = 0; i < yesElsewhere; i++) odds.Add(true, link: false);
        for (int i = 0; i < noElsewhere; i++) odds.Add(false, link: false);
        odds.Estimate();
        return odds;
    }

    [Fact]
    public void They_say_how_much_more_often_a_yes_is_heard_of_links()
    {
        Odds odds = Learnt(yes: 79, no: 19, yesElsewhere: 19, noElsewhere: 79);
        Assert.Equal(Math.Log(0.8 / 0.2), odds.Log(true), 9);
        Assert.Equal(Math.Log(0.2 / 0.8), odds.Log(false), 9);
    }

    [Fact]
    public void Nothing_learnt_says_nothing_and_nothing_says_more_than_five_nats() =>
        Gen.Select(Gen.Int[0, 3000], Gen.Int[0, 3000], Gen.Int[0, 3000], Gen.Int[0, 3000]).Sample(
            (yes, no, yesElsewhere, noElsewhere) =>
            {
                Assert.Equal(0, Learnt(0, 0, 0, 0).Log(true));
                Odds odds = Learnt(yes, no, yesElsewhere, noElsewhere);
                Assert.InRange(odds.Log(true), -5, 5);
                Assert.InRange(odds.Log(false), -5, 5);
                Assert.Equal(5, Learnt(3000, 0, 0, 3000).Log(true));
            },
            iter: 50);

    [Fact]
    public void A_window_is_forgotten_and_earlier_ones_are_kept_at_a_part()
    {
        Odds odds = Learnt(yes: 78, no: 18, yesElsewhere: 18, noElsewhere: 78);
        odds.Keep(0.5);
        for (int i = 0; i < 1000; i++) odds.Add(false, link: true);
        odds.Reset();
        odds.Estimate();
        Assert.Equal(Math.Log(40.0 / 10), odds.Log(true), 9); // 39 and 9, each and one more
    }
}
