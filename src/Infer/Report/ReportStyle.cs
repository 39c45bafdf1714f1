namespace VirtualServices.Infer.Report;

/// <summary>The page's style sheet. Colours of virtual services keep their distance for people who see red and green alike, and every colour is named beside it.</summary>
internal static class ReportStyle
{
    /// <summary>Number of colours; after that they repeat.</summary>
    public const int Colours = 8;

    public const string Css = """
        :root {
          color-scheme: light dark;
          --bg: #fbfaf7; --panel: #ffffff; --ink: #1d2127; --soft: #5c6570; --line: #dedbd2; --none: #9aa1a9; --bar: #ece9e1;
          --good: #1a7f4b; --bad: #b3261e; --warn: #8a5a00;
          --c0: #2563b8; --c1: #c2571a; --c2: #0f8a7e; --c3: #8c3fa8; --c4: #9a7400; --c5: #b82e5e; --c6: #4b7a1f; --c7: #5b5bd6;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --bg: #14171b; --panel: #1c2026; --ink: #e8e6e1; --soft: #a2abb5; --line: #333a43; --none: #77808a; --bar: #2a3038;
            --good: #6fcf97; --bad: #ff8a80; --warn: #f0c060;
            --c0: #6ea8fe; --c1: #f59d5e; --c2: #4fc7b9; --c3: #cf93e6; --c4: #d9b44a; --c5: #f284a8; --c6: #9ccc65; --c7: #a5a5ff;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--bg); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
        main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
        h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
        h2 { font-size: 1.25rem; margin: 2.6rem 0 .8rem; }
        h3 { font-size: 1.05rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
        p { margin: .4rem 0; max-width: 46rem; }
        .soft { color: var(--soft); }
        .facts { display: flex; flex-wrap: wrap; gap: .4rem 2rem; margin: 1rem 0 0; padding: 0; list-style: none; }
        .facts b { font-variant-numeric: tabular-nums; }
        .panel { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.3rem; margin: 0 0 1rem; overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-size: .93rem; }
        th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line); padding: .3rem .8rem .3rem 0; }
        td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
        td:first-child { min-width: 7rem; }
        td:nth-child(2):not(.n) { min-width: 12rem; }
        tr:last-child td { border-bottom: 0; }
        .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        code { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
        .rule { display: block; background: var(--bg); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; margin: .6rem 0; }
        .bar { display: flex; height: 1.1rem; border-radius: 5px; overflow: hidden; background: var(--bar); margin: .5rem 0; }
        .bar span { display: block; min-width: 1px; }
        .legend { display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; list-style: none; margin: .3rem 0 0; padding: 0; font-size: .93rem; }
        .dot { display: inline-block; width: .75em; height: .75em; border-radius: 50%; margin-right: .4em; vertical-align: -.02em; }
        .tag { display: inline-block; border: 1px solid currentColor; border-radius: 999px; padding: 0 .6rem; font-size: .82rem; }
        .good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
        details { margin-top: .6rem; } summary { cursor: pointer; color: var(--soft); }
        svg { display: block; width: 100%; height: auto; min-width: 34rem; }
        svg text { fill: var(--ink); font: 14px system-ui, sans-serif; }
        svg .small { fill: var(--soft); font-size: 12px; }
        svg .box { fill: var(--bg); stroke: var(--line); }
        svg .grid { stroke: var(--line); } svg .span { opacity: .8; } svg .ask { stroke: var(--soft); fill: none; stroke-width: 1.2; }
        svg .flow { fill: none; opacity: .62; }
        .s0 { stroke: var(--c0); } .s1 { stroke: var(--c1); } .s2 { stroke: var(--c2); } .s3 { stroke: var(--c3); } .s4 { stroke: var(--c4); } .s5 { stroke: var(--c5); } .s6 { stroke: var(--c6); } .s7 { stroke: var(--c7); }
        .sn { stroke: var(--none); stroke-dasharray: 6 5; }
        .f0 { background: var(--c0); fill: var(--c0); } .f1 { background: var(--c1); fill: var(--c1); } .f2 { background: var(--c2); fill: var(--c2); } .f3 { background: var(--c3); fill: var(--c3); }
        .f4 { background: var(--c4); fill: var(--c4); } .f5 { background: var(--c5); fill: var(--c5); } .f6 { background: var(--c6); fill: var(--c6); } .f7 { background: var(--c7); fill: var(--c7); }
        .fn { background: var(--none); fill: var(--none); }
        @media print { body { background: #fff; } .panel { break-inside: avoid; } }
        """;
}
