/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One row for each form of each packet of the protocol: what is asked, and what a session with the fake
 * machine answers. The tests send each row in every way in which packets can arrive, and hold the manual
 * page to the table. */
#ifndef PACKET_TABLE_H
#define PACKET_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* What the table's debugger has announced before. */
#define TABLE_FEATURES "qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+"

struct packet_row {
    const char *request; /* the payload as it stands between '$' and '#', escapes included */
    const char *reply;   /* payloads joined by '|'; "" is the empty reply; "..." stands for anything */
    const char *first;   /* packets that were sent before, joined by '|'; NULL for none */
    enum {
        REPLIES,
        REPLIES_ONCE, /* and does not repeat it on demand */
        SILENT,       /* nothing comes back */
    } how;
    bool changes; /* asked once more the answer is another */
};

extern const struct packet_row packet_rows[];
extern const size_t npacket_rows;

#endif
