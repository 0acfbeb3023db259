"""Makes Markdown tables and a picture out of the raw figures of run.py and ourselves.py.

    python benchmarks/report.py docs/performance-*.json                 print the tables
    python benchmarks/report.py docs/performance-*.json --into docs/performance.md --svg docs/performance.svg

In the document each table stands between `<!-- <name of the raw file> -->` and `<!-- end -->`; only what is between is
replaced, so the prose stays. A table whose marks are missing is added at the end. The picture shows the first file.
"""

from __future__ import annotations

import argparse
import json
import re
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

COLOURS = {"ours": "#1f6feb", "peer": "#8b949e", "floor": "#c9d1d9"}
WIDTH, LABELS, NUMBERS, BAR, GAP = 920, 290, 230, 20, 8

Row = dict[str, Any]


def middle(row: Row, figure: str) -> float:
    """The median over the runs."""
    return float(median([run[figure] for run in row["runs"]]))


def spread(row: Row) -> str:
    walls = [run["wall"] for run in row["runs"]]
    return f"{min(walls):.1f} to {max(walls):.1f}" if len(walls) > 1 else "one run"


def measured(raw: Row, kind: str | None = None) -> dict[str, Row]:
    """The rows that have figures, fastest first."""
    rows = {name: row for name, row in raw["rows"].items() if row["runs"] and kind in (None, row["kind"])}
    return dict(sorted(rows.items(), key=lambda item: middle(item[1], "wall")))


def ours(raw: Row) -> Row | None:
    return next((row for name, row in measured(raw, "ours").items() if "workflow" not in name), None)


def floor(raw: Row, figure: str = "work") -> float:
    """Parse floor and write floor together, in seconds of work; 0 unless both were measured."""
    rows = measured(raw, "floor")
    return sum(middle(row, figure) for row in rows.values()) if len(rows) == 2 else 0.0


def times(value: float, base: float) -> str:
    return f"{value / base:.2f}x" if base else "·"


def verdict(raw: Row, row: Row) -> str:
    """What is to be shown against this row, and whether it is; a ratio is rounded for the eye only."""
    goal, own = row.get("goal"), ours(raw)
    if not goal or not own or raw["size"] in ("XS", "S"):  # there, starting the process counts for too much
        return ""
    found = middle(row, goal["by"]) / middle(own, goal["by"])
    by = " by CPU" if goal["by"] == "cpu" else ""
    return f"{goal['times']:g}x{by}: " + ("met" if found >= goal["times"] else f"**missed ({found:.2f}x)**")


def correct(row: Row) -> str:
    """Whether its counts and sums are those of the data."""
    check = row.get("check")
    if not check:
        return "·"
    return "**wrong:** " + "; ".join(check["wrong"]) if check["wrong"] else "right"


def lacks(row: Row) -> str:
    """The promises that were seen to be missing, and what is known besides."""
    promises = row.get("check", {}).get("promises", {})
    seen = ", ".join(name for name, holds in promises.items() if holds is not True)
    return "; ".join(filter(None, (f"seen: {seen}" if seen else "", row["leaves_out"]))) or "·"


def table(raw: Row) -> str:
    """One raw file of run.py as Markdown: a sentence, the table, the floors, the versions."""
    own = ours(raw)
    base, base_cpu, base_peak = (middle(own, name) if own else 0 for name in ("wall", "cpu", "peak_mb"))
    under = floor(raw)
    head = ["", "wall s", "runs", "work s", "to ours", "CPU s", "to ours", "peak MB", "to ours"]
    head += ["CPU s of the server" if raw["database"] == "postgresql" else "database MB", "counts and sums", "goal"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * 9 + "---|---|"]
    for row in measured(raw).values():
        timed = row["kind"] == "floor"  # its process does more than what is timed
        cells = [
            f"**{row['title']}**" if row["kind"] == "ours" else row["title"],
            "·" if timed else f"{middle(row, 'wall'):.1f}",
            "·" if timed else spread(row),
            f"{middle(row, 'work'):.2f}",
            times(middle(row, "work"), middle(own, "work") if own else 0)
            if timed
            else times(middle(row, "wall"), base),
            f"{middle(row, 'work_cpu' if timed else 'cpu'):.1f}",
            "·" if timed else times(middle(row, "cpu"), base_cpu),
            "·" if timed else f"{middle(row, 'peak_mb'):,.0f}",
            "·" if timed else times(middle(row, "peak_mb"), base_peak),
            f"{middle(row, 'server_cpu' if raw['database'] == 'postgresql' else 'database_mb'):,.1f}"
            if row.get("check")
            else "·",
            correct(row),
            verdict(raw, row),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    parts = [about(raw), "\n".join(lines)]
    if own and under:
        found = middle(own, "work") / under
        said = f"Parse floor and write floor together: {under:.2f} s of work. Ours: {found:.2f} times that"
        if raw["database"] == "sqlite":  # PostgreSQL's part is in its own processes
            said += f"; by CPU {middle(own, 'work_cpu') / floor(raw, 'work_cpu'):.2f} times"
        parts.append(f"{said} (goal for M: at most {1.25 if raw['database'] == 'sqlite' else 1.6}).")
    flow = next((row for name, row in measured(raw, "ours").items() if "workflow" in name), None)
    if own and flow:
        found = middle(flow, "wall") / base
        parts.append(f"The full workflow takes {found:.2f} times as long as populate.")
    parts.append("What each leaves out (`seen`: found missing in the tables it left):")
    parts.append(
        "\n".join(f"- {row['title']}: {lacks(row)}" for row in measured(raw).values() if row["kind"] != "floor")
    )
    failed = [f"- {row['title']}: {row['error']}" for row in raw["rows"].values() if row.get("error")]
    if failed:
        parts += ["Not measured, or not to the end:", "\n".join(failed)]
    return "\n\n".join([*parts, made_with(raw)])


def busy(raw: Row) -> str:
    """How busy the machine was: one run of its own makes a load of about 1."""
    loads = [run["load"] for row in raw["rows"].values() for run in row["runs"] if "load" in run]
    return f" Load of the machine before a run: {median(loads):.1f} (median)." if loads else ""


def about(raw: Row) -> str:
    data = raw["data"]
    items = f" with {data['children']:,} line items" if data["children"] else ""
    place = "PostgreSQL" if raw["database"] == "postgresql" else "SQLite"
    rounds = max((len(row["runs"]) for row in raw["rows"].values()), default=0)
    return (
        f"`{raw['shape']}` {raw['size']}: {data['records']:,} records{items}, {data['bytes'] / 1e6:,.0f} MB of JSON, "
        f"into {place}. Medians of {rounds} interleaved run{'s' * (rounds != 1)}, each a new process. *Wall* is the "
        f"whole process with its start; *work* is the load alone, imports not counted.{busy(raw)}"
    )


def made_with(raw: Row) -> str:
    machine = raw["machine"]
    on = f"{machine['processor']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}"
    names: dict[str, str] = {}
    for versions in raw["versions"].values():
        names |= versions if isinstance(versions, dict) else {"postgresql": versions}
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(names.items()))
    return f"Measured {raw['date']} at commit {raw['commit'] or '?'}, on {on}. {libraries}."


def bar(top: int, label: str, seconds: float, longest: float, colour: str, note: str, bold: bool) -> str:
    """One row of the picture."""
    space = WIDTH - LABELS - NUMBERS
    width = max(1.0, seconds / longest * space)
    weight = ' font-weight="bold"' if bold else ""
    middle_of_row = top + BAR * 0.72
    return (
        f'<text x="{LABELS - 10}" y="{middle_of_row:.0f}" text-anchor="end"{weight}>{escape(label)}</text>'
        f'<rect x="{LABELS}" y="{top}" width="{width:.1f}" height="{BAR}" rx="2" fill="{colour}"/>'
        f'<text x="{LABELS + width + 6:.1f}" y="{middle_of_row:.0f}"{weight}>{escape(note)}</text>'
    )


def picture(raw: Row) -> str:
    """Bars of wall seconds, peak memory beside them; floors show the work alone."""
    rows = measured(raw)
    shown = {name: middle(row, "work" if row["kind"] == "floor" else "wall") for name, row in rows.items()}
    names = sorted(shown, key=lambda name: shown[name])
    longest = max(shown.values(), default=1.0)
    data = raw["data"]
    title = f"{data['bytes'] / 1e6:,.0f} MB of JSON, {data['records']:,} records"
    title += f" and {data['children']:,} line items" if data["children"] else ""
    title += f", into {'PostgreSQL' if raw['database'] == 'postgresql' else 'SQLite'}: seconds, shorter is better"
    height = 50 + len(names) * (BAR + GAP) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#24292f">',
        f'<title>{escape(title)}</title><rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="16" y="28" font-size="15">{escape(title)}</text>',
    ]
    for number, name in enumerate(names):
        row = rows[name]
        note = f"{shown[name]:.1f} s"
        if row["kind"] != "floor":
            note += f", {middle(row, 'peak_mb'):,.0f} MB of memory"
        colour, bold = COLOURS[row["kind"]], row["kind"] == "ours"
        parts.append(bar(46 + number * (BAR + GAP), row["title"], shown[name], longest, colour, note, bold))
    return "\n".join([*parts, "</svg>", ""])


def ourselves(raw: Row) -> str:
    """One raw file of ourselves.py as Markdown."""
    names = list(dict.fromkeys(name for row in raw["table"] for name in row))
    lines = [f"| {' | '.join(names)} |", f"|---|{'---:|' * (len(names) - 1)}"]
    lines += [f"| {' | '.join(str(row.get(name, '·')) for name in names)} |" for row in raw["table"]]
    return "\n\n".join([raw["about"], "\n".join(lines), *raw.get("notes", []), made_with(raw)])


def markdown(raw: Row) -> str:
    return ourselves(raw) if "table" in raw else table(raw)


def put(document: str, name: str, text: str) -> str:
    """The document with the part of that name replaced, or added at the end."""
    part = f"<!-- {name} -->\n\n{text}\n\n<!-- end -->"
    marked = re.compile(rf"<!-- {re.escape(name)} -->.*?<!-- end -->", re.DOTALL)
    if marked.search(document):
        return marked.sub(lambda _: part, document, count=1)
    return f"{document.rstrip()}\n\n{part}\n" if document.strip() else f"{part}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", nargs="+", type=Path, help="JSON files of run.py or ourselves.py")
    parser.add_argument("--into", type=Path, help="the document to put the tables into")
    parser.add_argument("--svg", type=Path, help="where the picture of the first file goes")
    options = parser.parse_args()
    raws = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in options.raw}
    if options.into:
        document = options.into.read_text(encoding="utf-8") if options.into.exists() else ""
        for name, raw in raws.items():
            document = put(document, name, markdown(raw))
        options.into.write_text(document, encoding="utf-8")
    else:
        print("\n\n".join(markdown(raw) for raw in raws.values()))
    if options.svg:
        drawn = next((raw for raw in raws.values() if "rows" in raw), None)
        if drawn:
            options.svg.write_text(picture(drawn), encoding="utf-8")


if __name__ == "__main__":
    main()
