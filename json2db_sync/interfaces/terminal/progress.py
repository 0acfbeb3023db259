"""Events as they come: a living line a step on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from json2db_sync import events
from json2db_sync.interfaces.terminal.canvas import BAD, GOOD, Canvas
from json2db_sync.interfaces.terminal.meter import Meter, figures, short_figures
from json2db_sync.interfaces.terminal.wording import file_and_time, seconds_text, size_text
from json2db_sync.text import counted

LABELS = {
    "analyze": "Analyze",
    "plan": "Plan",
    "create_tables": "Create",
    "populate": "Populate",
    "verify": "Verify",
    "report": "Report",
    "backup": "Back up",
    "restore": "Restore",
    "export": "Export",
    "export_csv": "Export",
    "repair": "Repair",
    "replay": "Try again",
    "infer_schemas": "Schemas",
    "generate_table_schemas": "Schemas",
    "preflight": "Look",
    "transfer": "Move",
    "import_rejected": "Load",
    "compare": "Compare",
    "check_schema": "Check",
}
"""Steps that are drawn; others are over before one could read their names."""
_OF_TABLES = {"preflight", "transfer", "import_rejected", "compare", "check_schema", "export_csv"}
"""Steps over tables and their rows, rather than files and their records."""
_FIRST = {"transfer": "preflight", "import_csv": "preflight"}
"""What an operation of several steps begins with."""
_FOLLOWERS = {"populate": "verify", "verify": "report"}
"""What a full workflow surely does next, for steps that do not announce themselves."""
_LABEL_WIDTH = 11
_NAME, _BAR = 22, 30
"""The most that a name and the bar get; the name has half of a narrow line."""
_WIDEST = 96
"""Figures at the far right of a very wide terminal are hard to follow."""
_REFRESH = 8
_ECHO = 5
"""Room for two ^C that a terminal echoes: a line that wraps could not be drawn over."""
_PLAIN_INTERVAL = 10.0
"""Seconds between two lines of progress where lines stay."""
_SPINNER, _PLAIN_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"


class Progress:
    """A listener that draws. It never raises, and a terminal is always left as it was."""

    def __init__(self, console: Console) -> None:
        self._canvas = Canvas(console)
        self._living = console.is_interactive
        self._now: Callable[[], float] = time.monotonic
        self._live: Live | None = None
        self._meter: Meter | None = None
        self._operation = ""
        self._announced = False
        self._stopping = ""
        self._said: set[str] = set()
        self._last_line = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._guarded(self._broken_off)
        self._guarded(self._stop_living)

    def __call__(self, event: events.Event) -> None:
        self._guarded(lambda: self._draw(event))

    def stopping(self, message: str) -> bool:
        """Show that a stop was asked for. False where it cannot be seen, so that someone else has to say it.

        Called from a signal handler: it only leaves a word for the thread that draws.
        """
        self._stopping = message
        return self._live is not None

    def _guarded(self, draw: Callable[[], None]) -> None:
        try:
            draw()
        except (Exception, SystemExit):  # whatever the screen does, the run goes on (rich exits on a broken pipe)
            self._living = False
            try:
                self._stop_living()
            except Exception:  # the terminal is given back all the same
                sys.stdout.flush()

    def _draw(self, event: events.Event) -> None:
        match event:
            case events.RunStarted():
                self._operation, self._stopping = event.operation, ""
                self._said.clear()
                if event.operation in LABELS:
                    self._begin(_FIRST.get(event.operation, event.operation))
            case events.StepStarted():
                self._step_started(event)
            case events.Progress():
                self._progress(event)
            case events.StepFinished():
                self._step_finished(event)
            case events.Notice() | events.Waiting():
                self._notice(event.message)
            case events.RunFinished():
                if not event.success:
                    self._broken_off()
                self._forget()

    def _step_started(self, event: events.StepStarted) -> None:
        meter = self._begin(event.step)
        meter.files, meter.bytes = event.files, event.bytes
        if not self._living and event.step in LABELS:
            size = f", {size_text(event.bytes)}" if event.bytes else ""
            what = "table" if event.step in _OF_TABLES else "file"
            self._canvas.whole(f"{LABELS[event.step]}: {counted(event.files, what)}{size}")

    def _progress(self, event: events.Progress) -> None:
        now = self._now()
        meter = self._begin(event.step)
        meter.advance(event, now)
        if not self._living and now - self._last_line >= _PLAIN_INTERVAL:
            self._last_line = now
            self._canvas.whole(f"{LABELS.get(event.step, event.step)}: " + ", ".join(figures(meter, now)))

    def _step_finished(self, event: events.StepFinished) -> None:
        self._forget()
        if event.step in LABELS:
            self._finished(GOOD if event.success else BAD, LABELS[event.step], event.summary, event.seconds)
        if self._operation == "full_workflow":
            self._begin(_FOLLOWERS.get(event.step, ""), announced=False)

    def _notice(self, message: str) -> None:
        if message in self._said:
            return  # every step that looks for files says it again
        self._said.add(message)
        if self._living:
            self._canvas.item(("·", "dim"), (message, "dim"))
        else:
            self._canvas.whole(f"note: {message}")

    def _broken_off(self) -> None:
        meter = self._meter
        if meter is None or not self._announced or meter.step not in LABELS:
            return
        self._forget()
        where = f"stopped at {file_and_time(meter.what)[0]}" if meter.what else "stopped"
        done = f" after {counted(meter.records, meter.unit)}" if meter.records else ""
        self._finished(BAD, LABELS[meter.step], where + done, self._now() - meter.started)

    def _begin(self, step: str, *, announced: bool = True) -> Meter:
        self._announced = announced
        if self._meter is None or self._meter.step != step:
            started = self._meter.started if self._meter is not None and not self._meter.step else self._now()
            self._meter = Meter(step, started, unit="row" if step in _OF_TABLES else "record")
            self._last_line = self._now()
        if self._living and self._live is None:
            # Standard output is left alone when it goes elsewhere: what is printed there must arrive there.
            out = sys.stdout is not None and sys.stdout.isatty()
            live = Live(
                console=self._canvas.console, get_renderable=self._line, refresh_per_second=_REFRESH,
                transient=True, redirect_stdout=out,
            )  # fmt: skip
            live.start()
            self._live = live
        return self._meter

    def _forget(self) -> None:
        self._meter = None
        self._stop_living()

    def _stop_living(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    @property
    def _width(self) -> int:
        return min(self._canvas.console.width - _ECHO, _WIDEST)

    def _finished(self, sign: tuple[str, str], label: str, summary: str, seconds: float) -> None:
        if not self._living:
            how = "done" if sign is GOOD else "not passed" if label == LABELS["verify"] else "not done"
            self._canvas.whole(f"{label}: {how} in {seconds_text(seconds)}" + (f": {summary}" if summary else ""))
            return
        row = self._row()
        row.add_row(
            self._canvas.text(sign), self._canvas.text(label), self._canvas.text(summary),
            self._canvas.text((f"  {seconds_text(seconds)}", "dim")),
        )  # fmt: skip
        self._canvas.console.print(row)

    def _row(self) -> Table:
        row = Table.grid(padding=0, expand=True, pad_edge=False)
        row.width = self._width
        row.add_column(no_wrap=True, width=2)
        row.add_column(no_wrap=True, width=_LABEL_WIDTH)
        row.add_column(ratio=1, overflow="fold")
        row.add_column(no_wrap=True, justify="right")
        return row

    def _line(self) -> Text | Table:
        """The living line. Called by the thread that redraws, so it takes what it finds and never fails."""
        try:
            return self._living_line()
        except Exception:
            return Text("")

    def _living_line(self) -> Text | Table:
        meter, now = self._meter, self._now()
        if meter is None:
            return Text("")
        frames = _SPINNER if self._canvas.signs else _PLAIN_SPINNER
        row = self._row()
        row.columns[2].no_wrap = True
        row.columns[2].overflow = "ellipsis"
        spinner = frames[int(now * _REFRESH) % len(frames)]
        label = LABELS.get(meter.step, "")
        if self._stopping:
            row.add_row(self._canvas.text((spinner, "yellow")), self._canvas.text(label),
                        self._canvas.text((self._stopping, "yellow")), Text(""))  # fmt: skip
            return row
        beside = self._canvas.text(("  ".join(["", *short_figures(meter, now, roomy=self._width >= 90)]), "dim"))
        what = Text("")
        if meter.what:
            name = self._canvas.clean(file_and_time(meter.what)[0])
            room = self._width - 2 - _LABEL_WIDTH - beside.cell_len
            bar = 0 if meter.share is None else min(room - min(room // 2, _NAME) - 2, _BAR)
            what = Text(name)
            what.truncate(max(room - max(bar, 0) - 2, 1), overflow="ellipsis", pad=True)
            if bar > 0:
                what.append("  ").append_text(self._bar(meter.share or 0.0, bar))
        row.add_row(self._canvas.text((spinner, "cyan")), self._canvas.text(label), what, beside)
        return row

    def _bar(self, share: float, width: int) -> Text:
        full, half = divmod(int(share * width * 2), 2)
        done = "━" * full + "╸" * half
        rest = "─" if self._canvas.signs else "."
        return self._canvas.text((done, "cyan")).append(rest * (width - len(done)), style="bright_black")
