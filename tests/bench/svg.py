"""Two kinds of plots, as SVG: intervals on a line, and bars. Rows run from top to bottom; each series has a colour."""

import html

WIDTH = 800
LEFT = 190  # for the rows' names
RIGHT = 96  # for the figures
TOP = 62
ROW = 17
GAP = 13  # between groups
INK, PALE, PAPER = "#1f2933", "#d5dbe1", "#ffffff"
COLOURS = ("#8996a3", "#2f9e6e", "#2f6fb4", "#c25d2c", "#7a4fb0")


def _text(x, y, text, size=12, anchor="start", colour=INK, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}"'
            f' font-weight="{weight}">{html.escape(text)}</text>')


def _line(x1, y1, x2, y2, colour=PALE, width=1):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"'
            f' stroke-width="{width}"/>')


def _ticks(low, high):
    """About six round numbers."""
    span = (high - low) or 1
    step = 10 ** len(str(int(span))) if span >= 1 else 1
    while step > span:
        step /= 10
    for part in (0.1, 0.2, 0.5, 1.0):
        if span / (step * part) <= 7:
            step *= part
            break
    first = -int(-low // step) if low < 0 else int(low / step + 0.9999)
    ticks = []
    while first * step <= high * 1.0001:
        ticks.append(first * step)
        first += 1
    return ticks


class Plot:
    """Groups of rows on one scale from `low` to `high`."""

    def __init__(self, title, names, groups, low, high, unit):
        self._names = names
        self._low, self._high = low, high
        rows = sum(len(rows) for _, rows in groups)
        self._bottom = TOP + rows * ROW + len(groups) * GAP
        self._parts = [_text(12, 24, title, 15, weight="bold")]
        x = 12
        for number, name in enumerate(names):
            self._parts.append(f'<rect x="{x}" y="34" width="10" height="10" fill="{COLOURS[number]}"/>')
            self._parts.append(_text(x + 15, 43, name))
            x += 32 + 7 * len(name)
        for tick in _ticks(low, high):
            at = self._at(tick)
            self._parts.append(_line(at, TOP - 8, at, self._bottom))
            self._parts.append(_text(at, self._bottom + 16, f"{tick:g}", 11, "middle"))
        self._parts.append(_text(self._at(high), self._bottom + 31, unit, 11, "end"))

    def _at(self, value):
        value = min(max(value, self._low), self._high)
        return LEFT + (value - self._low) / (self._high - self._low) * (WIDTH - LEFT - RIGHT)

    def draw(self, groups, row):
        y = TOP
        for label, rows in groups:
            self._parts.append(_text(LEFT - 10, y + 12, label, anchor="end", weight="bold"))
            for name, value in rows:
                row(self, y, COLOURS[self._names.index(name)], value)
                y += ROW
            y += GAP
        return self

    def interval(self, y, colour, value):
        low, middle, high = value
        self._parts.append(_line(self._at(low), y + 8, self._at(high), y + 8, colour, 5))
        self._parts.append(f'<circle cx="{self._at(middle):.1f}" cy="{y + 8:.1f}" r="5" fill="{colour}"/>')
        self._parts.append(_text(WIDTH - RIGHT + 10, y + 12, f"{middle:.3f}", 11))

    def bar(self, y, colour, value):
        length, text = value
        zero = self._at(max(0.0, self._low))
        left, right = sorted((zero, self._at(length)))
        self._parts.append(f'<rect x="{left:.1f}" y="{y + 2}" width="{max(right - left, 0.5):.1f}" height="{ROW - 4}"'
                           f' fill="{colour}"/>')
        self._parts.append(_text(WIDTH - RIGHT + 10, y + 12, text, 11))

    def mark(self, value):
        """A line across all rows."""
        self._parts.append(_line(self._at(value), TOP - 8, self._at(value), self._bottom, INK, 1))

    def text(self):
        height = self._bottom + 42
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
                f' height="{height}" font-family="Helvetica, Arial, sans-serif">\n'
                f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>\n' + "\n".join(self._parts) + "\n</svg>\n")


def intervals(title, names, groups, unit, least=0.9, most=2.0):
    """`groups`: (label, [(name, (low, middle, high))])."""
    values = [value for _, rows in groups for _, triple in rows for value in triple]
    low, high = max(least, min(values) - 0.02), min(most, max(values) + 0.02)
    plot = Plot(title, names, groups, min(low, 0.98), max(high, 1.02), unit)
    plot.mark(1.0)
    return plot.draw(groups, Plot.interval).text()


def bars(title, names, groups, unit):
    """`groups`: (label, [(name, (length, text))])."""
    lengths = [length for _, rows in groups for _, (length, _) in rows]
    plot = Plot(title, names, groups, min(0.0, *lengths) if lengths else 0.0, max(lengths, default=1.0) or 1.0, unit)
    return plot.draw(groups, Plot.bar).text()
