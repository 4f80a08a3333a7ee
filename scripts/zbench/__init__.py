# SPDX-License-Identifier: GPL-2.0-or-later
"""What scripts/bench is made of: programs measures and talks to the monitors, cases knows what is measured with one
connection, figures keeps what came out and judges it."""
