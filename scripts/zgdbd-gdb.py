# SPDX-License-Identifier: GPL-2.0-or-later
"""For gdb, with a guest of zgdbd: `source zgdbd-gdb.py`. What gdb knows of the guest's kernel by its debug file and zgdbd does not
by itself is told to zgdbd, whenever gdb has connected or read another file."""

import gdb

# Of `monitor task-layout`: key, structure, member; the last ones are not needed.
TASK_LAYOUT = (
    ("tasks", "task_struct", "tasks"),
    ("pid", "task_struct", "pid"),
    ("tgid", "task_struct", "tgid"),
    ("comm", "task_struct", "comm"),
    ("stack", "task_struct", "stack"),
    ("mm", "task_struct", "mm"),
    ("thread_ksp", "task_struct", "thread.ksp"),
    ("thread_node", "task_struct", "thread_node"),
    ("signal", "task_struct", "signal"),
    ("thread_head", "signal_struct", "thread_head"),
    ("state", "task_struct", "__state"),
    ("cpu", "task_struct", "thread_info.cpu"),
    ("current", "lowcore", "current_task"),
)
NEEDED = TASK_LAYOUT[:10]


def offset(structure, member):
    """Bytes from the beginning of a structure to a member of it, or None where gdb does not know them."""
    try:
        return int(gdb.parse_and_eval(f"(unsigned long)&((struct {structure} *)0)->{member}"))
    except gdb.error:
        return None


def task_layout():
    """The arguments of `monitor task-layout` by gdb's debug information, or None."""
    known = {key: offset(structure, member) for key, structure, member in TASK_LAYOUT}
    if any(known[key] is None for key, _, _ in NEEDED):
        return None
    return " ".join(f"{key}={value}" for key, value in known.items() if value is not None)


class Teller:
    """Tells zgdbd the layout, once for each connection and layout."""

    def __init__(self):
        self.told = None
        gdb.events.stop.connect(self.tell)
        gdb.events.new_objfile.connect(self.tell)

    def tell(self, _event=None):
        connection = gdb.selected_inferior().connection
        if connection is None or connection.type not in ("remote", "extended-remote"):
            return
        thread = gdb.selected_thread()
        if thread is None or thread.is_running():
            return
        layout = task_layout()
        if layout is None or self.told == (connection.num, layout):
            return
        try:
            gdb.execute(f"monitor task-layout {layout}", to_string=True)
        except gdb.error:
            return
        self.told = (connection.num, layout)


TELLER = Teller()
TELLER.tell()
