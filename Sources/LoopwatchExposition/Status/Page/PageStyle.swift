// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The page's style: light and dark, a phone's width and a screen's.
///
/// Severities differ in shape and word as well as in colour, and no two colours that matter are red and green.
enum PageStyle {
    /// The style sheet, as it stands between its tags.
    static let text = colours + layout + tables + warnings + flame + narrow

    private static let colours = """

        :root { color-scheme: light dark; --page: #f7f8fa; --sheet: #fff; --text: #1a1f26; --dim: #56606c;
        --line: #d9dee4; --link: #0a5ea8; --good: #0a6a5d; --good-bg: #e2f3f0; --warning: #7d5200; --warning-bg: #fff1cc;
        --error: #a23000; --error-bg: #ffe3d5; --critical: #960f35; --critical-bg: #ffdce4; --plot: #7390ad;
        --frame: #fff }
        @media (prefers-color-scheme: dark) { :root { --page: #0f1216; --sheet: #171b21; --text: #e4e8ed; --dim: #9aa5b2;
        --line: #2b323b; --link: #74baff; --good: #74d6c6; --good-bg: #10302b; --warning: #f4c757; --warning-bg: #34290d;
        --error: #ffa077; --error-bg: #3c2014; --critical: #ff96aa; --critical-bg: #441424; --plot: #6f8cab;
        --frame: #0f1216 } }

        """

    private static let layout = """
        * { box-sizing: border-box } [hidden] { display: none !important }
        html { -webkit-text-size-adjust: 100% }
        body { margin: 0; background: var(--page); color: var(--text); font: 14px/1.45 system-ui, sans-serif;
        font-variant-numeric: tabular-nums }
        code, .mono, .stack, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
        font-size: .93em }
        a { color: var(--link) }
        :focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px }
        header, main, footer { max-width: 1280px; margin: 0 auto; padding: 0 20px }
        header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 16px; padding-top: 14px }
        h1 { font-size: 20px; margin: 0; overflow-wrap: anywhere } h2 { font-size: 15px; margin: 0 }
        .meta { color: var(--dim); margin: 0; display: flex; flex-wrap: wrap; gap: 0 14px }
        section { margin: 16px 0 24px } .head { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px;
        margin-bottom: 8px } .head p, .note { margin: 0; color: var(--dim) } .space { flex: 1 }
        .hidden, html:not(.js) .js { position: absolute; width: 1px; height: 1px; overflow: hidden;
        clip-path: inset(50%); white-space: nowrap } html:not(.js) .js { display: none }
        .skip { position: absolute; left: -9999px } .skip:focus { left: 8px; top: 8px; background: var(--sheet);
        padding: 6px 10px; z-index: 9 }
        input, select, button { font: inherit; color: inherit; background: var(--sheet); border: 1px solid var(--line);
        border-radius: 5px; padding: 3px 8px; min-height: 28px } button, select, summary { cursor: pointer }
        input { min-width: 0 } ::placeholder { color: var(--dim); opacity: 1 }
        .well, .card, .alarm { border-radius: 6px; padding: 10px 14px; margin: 0 0 8px; border-left: 5px solid }
        .well { background: var(--good-bg); border-color: var(--good); color: var(--good) }
        .well b, .card b { font-weight: 650 } .well span { color: var(--text) }
        .alarm, .card { background: var(--error-bg); border-color: var(--error) } .alarm { color: var(--error) }
        .card { display: grid; grid-template-columns: minmax(6.2em, auto) 1fr; gap: 0 18px; align-items: center }
        .card .for { font-size: 30px; line-height: 1.1; font-weight: 650; white-space: nowrap; grid-row: 1 / 4 }
        .card p:not(.for) { grid-column: 2 }
        .card p { margin: 0; overflow-wrap: anywhere } .card .where { font-size: 15px }
        .warning { --own: var(--warning); --own-bg: var(--warning-bg) }
        .error { --own: var(--error); --own-bg: var(--error-bg) }
        .critical { --own: var(--critical); --own-bg: var(--critical-bg) }
        .card { background: var(--own-bg); border-color: var(--own) } .card .for, .card .mark { color: var(--own) }
        #stale { margin: 10px 0 } .old { opacity: .55 }
        ul.plain { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 18px }
        #tip { position: fixed; pointer-events: none; background: var(--text); color: var(--page); padding: 2px 7px;
        border-radius: 4px; font-size: 12px; z-index: 8; max-width: 90vw } #tip:empty { display: none }
        footer { color: var(--dim); padding-bottom: 24px }

        """

    private static let tables = """
        .table { background: var(--sheet); border: 1px solid var(--line); border-radius: 6px; overflow-x: auto }
        table { border-collapse: collapse; width: 100% }
        th, td { padding: 4px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line) }
        tbody tr:last-child td, tbody tr:last-child th { border-bottom: 0 }
        thead th { color: var(--dim); font-weight: 500; font-size: 12px; vertical-align: bottom }
        th button { border: 0; background: none; padding: 0; min-height: 0; color: inherit; font: inherit }
        th button:hover { text-decoration: underline } th[aria-sort] button::after { content: " \\25BC"; font-size: 9px }
        th[aria-sort=ascending] button::after { content: " \\25B2" }
        th[scope=row], .left { text-align: left } th[scope=row] { font-weight: 600; white-space: normal;
        overflow-wrap: anywhere; min-width: 9em } th[scope=row] small { display: block; color: var(--dim);
        font-weight: 400; font-size: 12px } td.dim, .dim { color: var(--dim) }
        tr.blocked { background: var(--own-bg) } tr.blocked .state { color: var(--own); font-weight: 650 }
        td.wide { width: 34% } svg.plot { display: block; width: 100%; min-width: 180px; height: 30px; touch-action: pan-y } svg.plot path { vector-effect:
        non-scaling-stroke } .area { fill: var(--plot); fill-opacity: .35; stroke: var(--plot); stroke-width: 1 }
        .over { fill: var(--error); fill-opacity: .85 } .limit { stroke: var(--warning); stroke-width: 1;
        stroke-dasharray: 3 3; fill: none } .meter { display: inline-block; width: 52px; height: 7px;
        border-radius: 3px; background: var(--line); vertical-align: 1px; margin-right: 6px; overflow: hidden }
        .meter i { display: block; height: 100%; background: var(--plot) } .meter.full i { background: var(--error) }

        """

    private static let warnings = """
        #warnings ol.list { list-style: none; margin: 0; padding: 0; background: var(--sheet); border: 1px solid
        var(--line); border-radius: 6px } .list > li + li { border-top: 1px solid var(--line) }
        summary { display: grid; grid-template-columns: 7.6em 6.6em minmax(7em, 1.1fr) 5.8em minmax(8em, 1.3fr)
        minmax(9em, 2.4fr); gap: 0 12px; padding: 5px 12px; align-items: baseline; list-style: none }
        summary::-webkit-details-marker { display: none } summary > * { overflow: hidden; text-overflow: ellipsis;
        white-space: nowrap } summary:hover { background: var(--page) } details[open] > summary { font-weight: 600 }
        .badge { color: var(--own, var(--dim)); font-weight: 600 } summary .dur { text-align: right }
        .going .dur { color: var(--own) } .detail { padding: 4px 14px 14px; border-top: 1px dashed var(--line) }
        .detail p { margin: 6px 0; overflow-wrap: anywhere } .hint { color: var(--dim); max-width: 75em }
        .stack { list-style: none; margin: 8px 0 0; padding: 0; overflow-x: auto } .stack li { padding: 1px 6px 1px 8px;
        border-left: 3px solid transparent; white-space: pre-wrap; overflow-wrap: anywhere }
        .stack .at { border-color: var(--error); background: var(--error-bg) } .stack .rest { color: var(--dim) }
        .stack small { color: var(--dim); font-size: 12px } .fresh { animation: fresh 2s ease-out }
        @keyframes fresh { from { background: var(--warning-bg) } }
        pre { overflow-x: auto; background: var(--sheet); border: 1px solid var(--line); border-radius: 6px; padding: 10px }
        @media (prefers-reduced-motion: reduce) { .fresh { animation: none } }

        """

    private static let flame = """
        #graph { position: relative; overflow: hidden; background: var(--sheet); border: 1px solid var(--line);
        border-radius: 6px } #graph button { position: absolute; height: 19px; min-height: 0; padding: 0 4px; border: 0;
        border-radius: 2px; box-shadow: inset -1px -1px 0 var(--frame); overflow: hidden; white-space: nowrap;
        text-align: left; font: 12px/18px ui-monospace, "DejaVu Sans Mono", monospace; color: #14181d;
        background: #c9ccd1 } #graph button:focus-visible { outline-offset: -2px; outline-color: #14181d; z-index: 1 }
        #graph .host { background: #f58a4b } #graph .library { background: #f2b8c6 } #graph .runtime { background:
        #f3cf5b } #graph .dispatch { background: #a6d86f } #graph .system { background: #7db7e8 }
        #graph .unknown { background: #d7b8e6 } #graph .async { text-decoration: underline dotted } #graph .above {
        opacity: .55 } #graph.found button:not(.match) { opacity: .3 } #graph .match { box-shadow: inset 0 0 0 2px
        #14181d } #said { min-height: 1.45em; overflow-wrap: anywhere; margin: 6px 0 0 } .key span { display: inline-block;
        padding: 0 7px; margin-right: 4px; border-radius: 3px; color: #14181d; font-size: 12px }
        .key .host { background: #f58a4b } .key .library { background: #f2b8c6 } .key .runtime { background: #f3cf5b }
        .key .dispatch { background: #a6d86f } .key .system { background: #7db7e8 } .key .unknown { background: #d7b8e6 }

        """

    private static let narrow = """
        @media (max-width: 900px) { summary { grid-template-columns: 7.6em 6.6em 1fr auto; gap: 0 10px }
        summary .why { grid-column: 1 / 3 } summary .place { grid-column: 3 / 5 } }
        @media (max-width: 720px) { header, main, footer { padding-left: 12px; padding-right: 12px }
        .table { border: 0; background: none; overflow: visible } table, tbody, tr, td, tbody th { display: block }
        thead { display: none } tbody tr { display: grid; grid-template-columns: repeat(3, 1fr); gap: 2px 10px;
        background: var(--sheet); border: 1px solid var(--line); border-radius: 6px; padding: 8px 10px;
        margin-bottom: 8px } tbody tr.blocked { background: var(--own-bg) } td, tbody th { border: 0; padding: 0;
        text-align: left; white-space: normal } tbody th { grid-column: 1 / 3 } .state { text-align: right }
        td.wide { grid-column: 1 / -1; width: auto } td.wide::before { display: none } svg.plot { width: 100% }
        td[data-label]::before { content: attr(data-label); display: block; color: var(--dim); font-size: 11px }
        .card { grid-template-columns: 1fr } .card .for { grid-row: auto } .card p:not(.for) { grid-column: 1 }
        summary { grid-template-columns: auto auto 1fr; gap: 0 10px; padding: 8px 10px } summary > * { white-space: normal;
        overflow-wrap: anywhere } summary .dur { grid-area: 1 / 3 } summary .name { grid-area: 2 / 1 / auto / 3;
        font-weight: 600 } summary .why { grid-area: 2 / 3; text-align: right } summary .place { grid-area: 3 / 1 / auto / 4 }
        .head input, .head select { flex: 1 1 40% } button, select, input { min-height: 36px }
        th button { min-height: 0 } }

        """
}
