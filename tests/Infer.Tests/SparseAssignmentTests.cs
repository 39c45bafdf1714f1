using CsCheck;
using VirtualServices.Infer.Links;

namespace VirtualServices.Infer.Tests;

public sealed class SparseAssignmentTests
{
    [Fact]
    public void It_costs_as_little_as_the_best_of_all_assignments() =>
        (from rows in Gen.Int[0, 6]
         from columns in Gen.Int[1, 6]
         from alone in Gen.Long[-20, 60].Array[rows]
         from costs in Gen.Long[-50, 50].Array[columns].Array[rows]
         from there in Gen.Int[0, 3].Array[columns].Array[rows]
         select (columns, alone, costs, there)).Sample(
            p =>
            {
                var assignment = new SparseAssignment();
                for (int again = 0; again < 2; again++) // storage is used again
                {
                    assignment.Begin(p.columns);
                    for (int row = 0; row < p.alone.Length; row++)
                    {
                        assignment.AddRow(p.alone[row]);
                        for (int column = 0; column < p.columns; column++)
                        {
                            if (p.there[row][column] > 0) assignment.AddEdge(column, p.costs[row][column]);
                        }
                    }

                    assignment.Solve();
                }

                long cost = 0;
                int[] taken = [.. Enumerable.Range(0, p.alone.Length).Select(assignment.ColumnOf)];
                for (int row = 0; row < taken.Length; row++)
                {
                    Assert.True(taken[row] < 0 || p.there[row][taken[row]] > 0);
                    cost += taken[row] < 0 ? p.alone[row] : p.costs[row][taken[row]];
                }

                Assert.Equal(taken.Where(c => c >= 0).Distinct().Count(), taken.Count(c => c >= 0));
                Assert.Equal(Least(0, 0), cost);

                long Least(int row, int used)
                {
                    if (row == p.alone.Length) return 0;
                    long least = p.alone[row] + Least(row + 1, used);
                    for (int column = 0; column < p.columns; column++)
                    {
                        if (p.there[row][column] > 0 && (used & (1 << column)) == 0)
                            least = Math.Min(least, p.costs[row][column] + Least(row + 1, used | (1 << column)));
                    }

                    return least;
                }
            },
            iter: 5000);
}
