namespace VirtualServices.Infer.Links;

/// <summary>
/// One-to-one assignment of least cost, exactly: each row gets at most one column, each column at most one row, and a row may stay alone at a price of its own.
/// Successive shortest augmenting paths with potentials (Dijkstra), on the edges that exist. Costs are whole numbers, so results are the same everywhere. Storage is used again.
/// </summary>
internal sealed class SparseAssignment
{
    private const long Far = long.MaxValue / 4;

    private readonly PriorityQueue<int, (long Distance, int Column)> _heap = new();
    private int[] _firstEdge = new int[64], _column = new int[256], _columnRow = [], _rowColumn = new int[64], _before = [], _touched = [];
    private long[] _cost = new long[256], _alone = new long[64], _rowPrice = new long[64], _columnPrice = [], _distance = [], _rowDistance = new long[64];
    private bool[] _done = [];
    private int _rows, _edges;

    /// <summary>Begins a problem.</summary>
    public void Begin(int columns)
    {
        foreach (int column in _column.AsSpan(0, _edges)) (_columnRow[column], _columnPrice[column]) = (-1, 0); // what the problem before left
        _rows = _edges = 0;
        Grow(ref _firstEdge, 1);
        _firstEdge[0] = 0;
        if (columns <= _columnRow.Length) return;
        columns = Math.Max(columns, 2 * _columnRow.Length);
        (_columnRow, _before, _touched, _columnPrice, _distance, _done) = (new int[columns], new int[columns], new int[columns], new long[columns], new long[columns], new bool[columns]);
        Array.Fill(_columnRow, -1);
        Array.Fill(_distance, Far);
    }

    /// <summary>Adds a row; its edges follow.</summary>
    /// <param name="alone">Price of staying alone.</param>
    public int AddRow(long alone)
    {
        Grow(ref _firstEdge, _rows + 2);
        Grow(ref _alone, _rows + 1);
        Grow(ref _rowPrice, _rows + 1);
        Grow(ref _rowColumn, _rows + 1);
        Grow(ref _rowDistance, _rows + 1);
        _alone[_rows] = alone;
        _rowColumn[_rows] = -1;
        _firstEdge[_rows + 1] = _edges;
        return _rows++;
    }

    /// <summary>Adds an edge of the row added last.</summary>
    public void AddEdge(int column, long cost)
    {
        Grow(ref _column, _edges + 1);
        Grow(ref _cost, _edges + 1);
        _column[_edges] = column;
        _cost[_edges] = cost;
        _firstEdge[_rows] = ++_edges;
    }

    /// <summary>Column of a row after <see cref="Solve"/>, -1 where it stays alone.</summary>
    public int ColumnOf(int row) => _rowColumn[row];

    public void Solve()
    {
        for (int row = 0; row < _rows; row++)
        {
            long least = _alone[row];
            int best = -1;
            for (int e = _firstEdge[row]; e < _firstEdge[row + 1]; e++)
            {
                if (_cost[e] >= least) continue;
                least = _cost[e];
                best = _column[e];
            }

            _rowPrice[row] = least;
            if (best < 0) continue;
            if (_columnRow[best] < 0) Give(row, best);
            else _rowColumn[row] = -2; // waits for its path
        }

        for (int row = 0; row < _rows; row++)
        {
            if (_rowColumn[row] == -2) Augment(row);
        }
    }

    private void Give(int row, int column)
    {
        _rowColumn[row] = column;
        _columnRow[column] = row;
    }

    private void Augment(int start)
    {
        _heap.Clear();
        int touched = 0;
        long end = Far;
        int endRow = -1, endColumn = -1; // the path ends at a row that goes alone, or at a free column
        int row = start;
        long distance = 0;
        while (true)
        {
            _rowDistance[row] = distance;
            long alone = distance + _alone[row] - _rowPrice[row];
            if (alone < end)
            {
                end = alone;
                endRow = row;
            }

            for (int e = _firstEdge[row]; e < _firstEdge[row + 1]; e++)
            {
                int column = _column[e];
                if (_done[column]) continue;
                long next = distance + _cost[e] - _rowPrice[row] - _columnPrice[column];
                if (next >= _distance[column] || next >= end) continue;
                if (_distance[column] == Far) _touched[touched++] = column;
                _distance[column] = next;
                _before[column] = row;
                _heap.Enqueue(column, (next, column));
            }

            int reached = -1;
            while (_heap.TryDequeue(out int column, out (long Distance, int Column) key))
            {
                if (_done[column] || key.Distance != _distance[column]) continue;
                reached = column;
                break;
            }

            if (reached < 0 || _distance[reached] >= end) break;
            if (_columnRow[reached] < 0)
            {
                end = _distance[reached];
                endColumn = reached;
                break;
            }

            _done[reached] = true;
            distance = _distance[reached];
            row = _columnRow[reached];
        }

        _rowPrice[start] += end;
        for (int i = 0; i < touched; i++)
        {
            int column = _touched[i];
            if (_done[column])
            {
                long less = end - _distance[column];
                _columnPrice[column] -= less;
                _rowPrice[_columnRow[column]] += less;
            }
        }

        Flip(start, endRow, endColumn);
        for (int i = 0; i < touched; i++)
        {
            _done[_touched[i]] = false;
            _distance[_touched[i]] = Far;
        }
    }

    private void Flip(int start, int endRow, int endColumn)
    {
        int column;
        if (endColumn >= 0)
        {
            column = endColumn;
        }
        else
        {
            column = _rowColumn[endRow];
            _rowColumn[endRow] = -1;
            if (endRow == start) return;
        }

        while (true)
        {
            int row = _before[column];
            int next = _rowColumn[row];
            Give(row, column);
            if (row == start) return;
            column = next;
        }
    }

    private static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length) Array.Resize(ref array, Math.Max(length, array.Length * 2));
    }
}
