# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures of a run: what was measured in each round, the medians, the goals, and the table."""

import json
import math
import statistics

# Each over both transports: the name gets the transport's behind it.
BOTH = ("range_step", "false_condition", "dump_64m", "breakpoints_1000")
TRANSPORTS = ("tcp", "unix")

# Of QEMU's figure, and of the floor's.
GOALS = {"stepi_rtt": (0.25, 1.5), "g_rtt": (0.5, None), "m_2k_rtt": (0.5, None), "sw_breakpoint_hit": (0.5, None),
         "hw_breakpoint_hit": (0.5, None), "boot_to_panic": (0.5, None), "rss_without_guest": (0.1, None),
         "start_to_listening": (0.02, None), "range_step": (0.01, 1 / 0.9), "false_condition": (0.02, None),
         "dump_64m": (0.1, 1 / 0.8), "report_first": (None, 3), "report_again": (None, 3), "dump_file": (None, 1.5)}


def base_name(name):
    """range_step of range_step_tcp."""
    stem, _, transport = name.rpartition("_")
    return stem if transport in TRANSPORTS else name


class Figures:
    """name -> whose -> one value for each round, in the unit of the table."""

    UNITS = {"boot_to_panic": "s", "start_to_listening": "s", "rss_without_guest": "KiB", "dump_64m": "s", "dump_file": "s"}
    ROUND_TRIPS = ("stepi_rtt", "g_rtt", "p_rtt", "m_2k_rtt", "m_64k_rtt", "x_64k_rtt", "sw_breakpoint_hit",
                   "hw_breakpoint_hit")
    NAMES = (*ROUND_TRIPS, *(f"{name}_{transport}" for name in BOTH for transport in TRANSPORTS),
             "interrupt_4_cpus", "stepi_4_cpus", "report_first", "report_again", "dump_file", "boot_to_panic", "rss_without_guest",
             "start_to_listening")

    def __init__(self):
        self.values = {name: {"zgdbd": [], "qemu": [], "floor": []} for name in self.NAMES}

    def unit(self, name):
        return self.UNITS.get(base_name(name), "ms")

    def add(self, name, whose, value):
        self.values[name][whose].append(value)

    def median(self, name, whose):
        values = self.values[name][whose]
        return statistics.median(values) if values else None

    def spread(self, name):
        """How far the rounds of zgdbd lie apart, of their median."""
        values = self.values[name]["zgdbd"]
        return (max(values) - min(values)) / statistics.median(values)

    def rows(self):
        """Those that were measured."""
        for name in self.NAMES:
            if self.values[name]["zgdbd"]:
                yield name, self.unit(name), *(self.median(name, whose) for whose in ("zgdbd", "qemu", "floor"))

    def store(self, path):
        rows = [{"name": name, "unit": unit, "zgdbd": zgdbd, "qemu": qemu, "floor": floor}
                for name, unit, zgdbd, qemu, floor in self.rows()]
        with open(path, "w", encoding="ascii") as out:
            json.dump(rows, out, indent=1)
            out.write("\n")


# ---- the table ----

def shown(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def ratio(value, other):
    return None if value is None or not other else value / other


def verdict(name, to_qemu, to_floor):
    """The goals of this figure, and by how much each was missed."""
    said = []
    for got, goal, whom in zip((to_qemu, to_floor), GOALS.get(base_name(name), (None, None)), ("QEMU", "the floor")):
        if goal is not None and got is not None:
            over = "met" if got <= goal else f"missed by {math.ceil((got / goal - 1) * 100)}%"
            said.append(f"{over} (goal {goal:.3g} of {whom})")
    return ", ".join(said) or "no goal"


def table(figures):
    rows = [("figure", "unit", "zgdbd", "qemu", "floor", "of qemu", "of floor", "spread", "goal")]
    for name, unit, zgdbd, qemu, floor in figures.rows():
        to_qemu, to_floor = ratio(zgdbd, qemu), ratio(zgdbd, floor)
        rows.append((name, unit, shown(zgdbd), shown(qemu), shown(floor), shown(to_qemu), shown(to_floor),
                     f"{figures.spread(name):.0%}", verdict(name, to_qemu, to_floor)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if column in (0, 1, 8) else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
