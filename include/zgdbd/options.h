/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, checked: what main() does follows from this structure alone. */
#ifndef ZGDBD_OPTIONS_H
#define ZGDBD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "zgdbd/err.h"
#include "zgdbd/guest.h"
#include "zgdbd/log.h"
#include "zgdbd/server.h"
#include "zgdbd/session.h"

/* What --listen is unless it is given. */
#define OPTIONS_LISTEN "tcp:127.0.0.1:1234"

enum options_verdict {
    OPTIONS_RUN,
    OPTIONS_DONE,  /* --help or --version was asked for and is to be printed */
    OPTIONS_ERROR, /* *e says what is wrong, with EXIT_USAGE */
};

struct options {
    const char *image;   /* NULL with core */
    const char *core;    /* --core: the dump, or NULL */
    const char *append;  /* or NULL */
    const char *initrd;  /* or NULL */
    const char *symbols; /* or NULL */
    bool flat;           /* --load-address was given */
    uint64_t load_address;
    bool has_entry;
    uint64_t entry;
    bool has_psw;
    struct psw psw;
    unsigned cpus;    /* 1 to MACHINE_MAX_CPUS */
    unsigned nextras; /* --load */
    struct ipl_extra extras[IPL_MAX_EXTRAS];
    uint64_t memory;         /* bytes */
    const char *memory_file; /* or NULL */
    bool tod_runs;           /* while the guest is stopped */
    bool run;
    bool shows_tasks; /* --threads tasks */
    bool stdio;       /* the debugger is on descriptors 0 and 1; listen is unused */
    struct listen_spec listen;
    unsigned nconsoles; /* at least one */
    struct console_spec consoles[CONSOLES_MAX];
    unsigned console_type; /* SCLP_VT220, SCLP_LINE */
    int escape;            /* a control character, or CONSOLE_NO_ESCAPE */
    struct policy policy;
    const char *trace;    /* file, or NULL */
    unsigned trace_kinds; /* 1u << enum exit_kind */
    const char *dump_dir; /* or NULL */
    enum log_level log;
    bool version; /* with OPTIONS_DONE: --version, else --help */
};

/* Strings point into argv. Writes nothing anywhere. */
enum options_verdict options_parse(int argc, char **argv, struct options *o, struct err *e);

/* -1 with *e if a file that will be written is one that is read, by whatever name, or --dump-dir is no
 * directory for files. Before any is opened. */
int options_check_files(const struct options *o, struct err *e);

/* The text of --help. */
const char *options_help(void);

#endif
