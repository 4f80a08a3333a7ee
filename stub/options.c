/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns the command line into a struct options, or into one sentence about what is wrong with it. Opens no
 * file and prints nothing. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zgdbd/options.h"
#include "zgdbd/trace.h"

#define MIB 0x100000ULL
#define MEMORY_DEFAULT (256 * MIB)

enum {
    OPT_APPEND = 256,
    OPT_CORE,
    OPT_INITRD,
    OPT_SYMBOLS,
    OPT_THREADS,
    OPT_LOAD,
    OPT_LOAD_ADDRESS,
    OPT_ENTRY,
    OPT_PSW,
    OPT_MEMORY,
    OPT_MEMORY_FILE,
    OPT_CPUS,
    OPT_TOD,
    OPT_LISTEN,
    OPT_LISTEN_ANY,
    OPT_STDIO,
    OPT_CONSOLE,
    OPT_CONSOLE_TYPE,
    OPT_ESCAPE,
    OPT_RUN,
    OPT_STOP_AT,
    OPT_ON_PANIC,
    OPT_ON_RESET,
    OPT_ON_SHUTDOWN,
    OPT_ON_DISCONNECT,
    OPT_LOG,
    OPT_TRACE,
    OPT_TRACE_ONLY,
    OPT_DUMP_DIR,
    OPT_VERSION,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"append", required_argument, NULL, OPT_APPEND},
    {"core", required_argument, NULL, OPT_CORE},
    {"initrd", required_argument, NULL, OPT_INITRD},
    {"symbols", required_argument, NULL, OPT_SYMBOLS},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"load", required_argument, NULL, OPT_LOAD},
    {"load-address", required_argument, NULL, OPT_LOAD_ADDRESS},
    {"entry", required_argument, NULL, OPT_ENTRY},
    {"psw", required_argument, NULL, OPT_PSW},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"memory-file", required_argument, NULL, OPT_MEMORY_FILE},
    {"cpus", required_argument, NULL, OPT_CPUS},
    {"tod", required_argument, NULL, OPT_TOD},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"listen-any", no_argument, NULL, OPT_LISTEN_ANY},
    {"stdio", no_argument, NULL, OPT_STDIO},
    {"console", required_argument, NULL, OPT_CONSOLE},
    {"console-type", required_argument, NULL, OPT_CONSOLE_TYPE},
    {"escape", required_argument, NULL, OPT_ESCAPE},
    {"run", no_argument, NULL, OPT_RUN},
    {"stop-at", required_argument, NULL, OPT_STOP_AT},
    {"on-panic", required_argument, NULL, OPT_ON_PANIC},
    {"on-reset", required_argument, NULL, OPT_ON_RESET},
    {"on-shutdown", required_argument, NULL, OPT_ON_SHUTDOWN},
    {"on-disconnect", required_argument, NULL, OPT_ON_DISCONNECT},
    {"log", required_argument, NULL, OPT_LOG},
    {"trace", required_argument, NULL, OPT_TRACE},
    {"trace-only", required_argument, NULL, OPT_TRACE_ONLY},
    {"dump-dir", required_argument, NULL, OPT_DUMP_DIR},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static int parse_cpus(const char *text, unsigned *cpus, struct err *e)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = digits && digits < 4 && !text[digits] ? strtoul(text, NULL, 10) : 0;

    if (value < 1 || value > MACHINE_MAX_CPUS)
        return err_set(e, EXIT_USAGE, "--cpus %s: give a number of CPUs from 1 to %d", text,
                       MACHINE_MAX_CPUS);
    *cpus = (unsigned)value;
    return 0;
}

static int parse_memory(const char *text, uint64_t *bytes, struct err *e)
{
    uint64_t value = 0, unit = 1;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p - '0', &value))
            return err_set(e, EXIT_USAGE, "--memory %s: the number is too large", text);
    if (p == text)
        return err_set(e, EXIT_USAGE, "--memory %s: not a size; give a number with K, M or G, such as 256M",
                       text);
    if (*p == 'K' || *p == 'k')
        unit = 1024;
    else if (*p == 'M' || *p == 'm')
        unit = MIB;
    else if (*p == 'G' || *p == 'g')
        unit = 1024 * MIB;
    if (*p && (unit == 1 || p[1]))
        return err_set(e, EXIT_USAGE, "--memory %s: not a size; give a number with K, M or G, such as 256M",
                       text);
    if (__builtin_mul_overflow(value, unit, &value) || value > INT64_MAX)
        return err_set(e, EXIT_USAGE, "--memory %s: the number is too large", text);
    if (value == 0 || value % MIB)
        return err_set(e, EXIT_USAGE, "--memory %s: the size must be a multiple of 1M, and not 0", text);
    *bytes = value;
    return 0;
}

static int parse_trace_only(const char *text, unsigned *kinds, struct err *e)
{
    struct err why;

    if (exit_kinds_parse(text, kinds, &why))
        return err_set(e, EXIT_USAGE, "--trace-only %s", why.text);
    return *kinds ? 0 : err_set(e, EXIT_USAGE, "--trace-only: give a reason, such as diag");
}

/* Finds text among count words; -1 with *e that names them. */
static int parse_word(const char *option, const char *text, const char *const *words, int count,
                      struct err *e)
{
    char list[80] = "";
    for (int i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0)
            return i;
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s%s",
                 i == 0           ? ""
                 : i + 1 == count ? " or "
                                  : ", ",
                 words[i]);
    }
    return err_set(e, EXIT_USAGE, "--%s %s: must be %s", option, text, list);
}

static int parse_action(const char *option, const char *text, enum guest_action *action, struct err *e)
{
    static const char *const words[] = {"stop", "restart", "exit"};
    static const enum guest_action actions[] = {ACTION_STOP, ACTION_RESTART, ACTION_EXIT};
    int i = parse_word(option, text, words, 3, e);
    if (i < 0)
        return -1;
    *action = actions[i];
    return 0;
}

/* An action, or a file to be written before it: report:FILE, dump:FILE. */
static int parse_panic(const char *text, struct policy *policy, struct err *e)
{
    static const struct {
        const char *name;
        enum panic_file_kind kind;
    } kinds[] = {{"report:", PANIC_REPORT}, {"dump:", PANIC_DUMP}};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *path = text + strlen(kinds[i].name);
        if (strncmp(text, kinds[i].name, strlen(kinds[i].name)) != 0)
            continue;
        if (!*path)
            return err_set(e, EXIT_USAGE, "--on-panic %s: name the file, as in %sFILE", text, text);
        if (policy->npanic_files == PANIC_FILES_MAX)
            return err_set(e, EXIT_USAGE, "--on-panic %s: only %d files can be written", text,
                           PANIC_FILES_MAX);
        policy->panic_files[policy->npanic_files++] = (struct panic_file){kinds[i].kind, path};
        return 0;
    }
    if (parse_action("on-panic", text, &policy->on_panic, NULL) == 0)
        return 0;
    return err_set(e, EXIT_USAGE, "--on-panic %s: must be stop, restart, exit, report:FILE or dump:FILE",
                   text);
}

static int parse_stop_at(const char *text, enum stop_place *place, struct err *e)
{
    static const char *const words[] = {"placed", "symbols"};
    static const enum stop_place places[] = {STOP_AT_PLACED, STOP_AT_SYMBOLS};
    int i = parse_word("stop-at", text, words, 2, e);
    if (i < 0)
        return -1;
    *place = places[i];
    return 0;
}

static int parse_disconnect(const char *text, enum disconnect_action *action, struct err *e)
{
    static const char *const words[] = {"run", "stop", "exit"};
    static const enum disconnect_action actions[] = {DISCONNECT_RUN, DISCONNECT_STOP, DISCONNECT_EXIT};
    int i = parse_word("on-disconnect", text, words, 3, e);
    if (i < 0)
        return -1;
    *action = actions[i];
    return 0;
}

static int parse_tod(const char *text, bool *runs, struct err *e)
{
    static const char *const words[] = {"stop", "run"};
    int i = parse_word("tod", text, words, 2, e);
    if (i < 0)
        return -1;
    *runs = i == 1;
    return 0;
}

static int parse_threads(const char *text, bool *tasks, struct err *e)
{
    static const char *const words[] = {"cpus", "tasks"};
    int i = parse_word("threads", text, words, 2, e);
    if (i < 0)
        return -1;
    *tasks = i == 1;
    return 0;
}

static int parse_log(const char *text, enum log_level *level, struct err *e)
{
    int value = log_level_by_name(text);
    if (value < 0)
        return err_set(e, EXIT_USAGE, "--log %s: must be error, warning, info or debug", text);
    *level = (enum log_level)value;
    return 0;
}

/* A decimal number, or a hexadecimal one after 0x (which hex takes for granted), with nothing behind it. */
static bool parse_number(const char *text, bool hex, uint64_t *value)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t base = hex ? 16 : 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    *value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        const char *digit = memchr(digits, *text >= 'A' ? *text | 0x20 : *text, base);
        if (!digit || __builtin_mul_overflow(*value, base, value) ||
            __builtin_add_overflow(*value, (uint64_t)(digit - digits), value))
            return false;
    }
    return true;
}

static int parse_address(const char *option, const char *text, uint64_t *addr, struct err *e)
{
    if (parse_number(text, false, addr))
        return 0;
    return err_set(e, EXIT_USAGE, "--%s %s: not an address; give a number such as 0x10000", option, text);
}

static int parse_psw(char *text, struct options *o, struct err *e)
{
    char *colon = strchr(text, ':');
    if (colon)
        *colon = 0;
    o->has_psw =
        colon && parse_number(text, true, &o->psw.mask) && parse_number(colon + 1, true, &o->psw.addr);
    if (colon)
        *colon = ':';
    if (o->has_psw)
        return 0;
    return err_set(e, EXIT_USAGE,
                   "--psw %s: must be MASK:ADDR, two hexadecimal numbers, such as 0000000180000000:10000",
                   text);
}

static int parse_extra(char *text, struct options *o, struct err *e)
{
    char *at = strrchr(text, '@');
    if (o->nextras == IPL_MAX_EXTRAS)
        return err_set(e, EXIT_USAGE, "--load %s: only %d files can be loaded besides IMAGE", text,
                       IPL_MAX_EXTRAS);
    if (!at || at == text || !parse_number(at + 1, false, &o->extras[o->nextras].addr))
        return err_set(e, EXIT_USAGE, "--load %s: must be FILE@ADDRESS, such as data.bin@0x200000", text);
    *at = 0;
    o->extras[o->nextras++].path = text;
    return 0;
}

static int parse_console(const char *text, struct options *o, struct err *e)
{
    static const struct {
        const char *name;
        enum console_kind kind;
    } kinds[] = {{"stdio", CONSOLE_STDIO}, {"none", CONSOLE_NONE}, {"pty", CONSOLE_PTY},
                 {"file:", CONSOLE_FILE},  {"log:", CONSOLE_LOG},  {"unix:", CONSOLE_UNIX}};
    if (o->nconsoles == CONSOLES_MAX)
        return err_set(e, EXIT_USAGE, "--console %s: there can be only %d consoles", text, CONSOLES_MAX);
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t len = strlen(kinds[i].name);
        bool path = kinds[i].name[len - 1] == ':';
        if (strncmp(text, kinds[i].name, len) != 0 || (text[len] != 0) != path)
            continue;
        o->consoles[o->nconsoles++] = (struct console_spec){kinds[i].kind, path ? text + len : NULL};
        return 0;
    }
    return err_set(e, EXIT_USAGE, "--console %s: must be stdio, pty, unix:PATH, file:PATH, log:PATH or none",
                   text);
}

static int parse_console_type(const char *text, struct options *o, struct err *e)
{
    static const char *const words[] = {"vt220", "line", "both"};
    static const unsigned types[] = {SCLP_VT220, SCLP_LINE, SCLP_VT220 | SCLP_LINE};
    int i = parse_word("console-type", text, words, 3, e);
    if (i < 0)
        return -1;
    o->console_type = types[i];
    return 0;
}

static int parse_escape(const char *text, int *escape, struct err *e)
{
    if (strcmp(text, "none") == 0)
        *escape = CONSOLE_NO_ESCAPE;
    else if (text[0] == '^' && ((text[1] >= '@' && text[1] <= '_') || (text[1] >= 'a' && text[1] <= 'z')) &&
             !text[2])
        *escape = text[1] & 0x1f;
    else
        return err_set(e, EXIT_USAGE,
                       "--escape %s: must be ^ and a letter or one of @[\\]^_, such as ^A, or none", text);
    return 0;
}

/* What was given, where its absence matters too. */
struct given {
    bool listen;
    bool listen_any;
    bool console;
    int guest; /* an option that means nothing to a dump; 0: none was */
};

static int parse_console_option(int option, struct options *o, struct given *given, struct err *e)
{
    switch (option) {
    case OPT_CONSOLE:
        given->console = true;
        return parse_console(optarg, o, e);
    case OPT_CONSOLE_TYPE:
        return parse_console_type(optarg, o, e);
    default:
        return parse_escape(optarg, &o->escape, e);
    }
}

static int parse_guest_option(int option, struct options *o, struct given *given, struct err *e)
{
    switch (option) {
    case OPT_APPEND:
        o->append = optarg;
        return 0;
    case OPT_INITRD:
        o->initrd = optarg;
        return 0;
    case OPT_LOAD:
        return parse_extra(optarg, o, e);
    case OPT_LOAD_ADDRESS:
        o->flat = true;
        return parse_address("load-address", optarg, &o->load_address, e);
    case OPT_ENTRY:
        o->has_entry = true;
        return parse_address("entry", optarg, &o->entry, e);
    case OPT_PSW:
        return parse_psw(optarg, o, e);
    case OPT_MEMORY:
        return parse_memory(optarg, &o->memory, e);
    case OPT_MEMORY_FILE:
        o->memory_file = optarg;
        return 0;
    case OPT_CPUS:
        return parse_cpus(optarg, &o->cpus, e);
    case OPT_THREADS:
        return parse_threads(optarg, &o->shows_tasks, e);
    case OPT_TOD:
        return parse_tod(optarg, &o->tod_runs, e);
    case OPT_RUN:
        o->run = true;
        return 0;
    default:
        return parse_console_option(option, o, given, e);
    }
}

static int parse_option(int option, struct options *o, struct given *given, struct err *e)
{
    switch (option) {
    case OPT_LISTEN:
        given->listen = true;
        return listen_parse(optarg, &o->listen, e);
    case OPT_LISTEN_ANY:
        given->listen_any = true;
        return 0;
    case OPT_STDIO:
        o->stdio = true;
        return 0;
    case OPT_SYMBOLS:
        o->symbols = optarg;
        return 0;
    case OPT_CORE:
        o->core = optarg;
        return 0;
    case OPT_STOP_AT:
        return parse_stop_at(optarg, &o->policy.stop_at, e);
    case OPT_ON_PANIC:
        return parse_panic(optarg, &o->policy, e);
    case OPT_ON_RESET:
        return parse_action("on-reset", optarg, &o->policy.on_reset, e);
    case OPT_ON_SHUTDOWN:
        return parse_action("on-shutdown", optarg, &o->policy.on_shutdown, e);
    case OPT_ON_DISCONNECT:
        return parse_disconnect(optarg, &o->policy.on_disconnect, e);
    case OPT_LOG:
        return parse_log(optarg, &o->log, e);
    case OPT_TRACE:
        o->trace = optarg;
        return 0;
    case OPT_DUMP_DIR:
        o->dump_dir = optarg;
        return 0;
    case OPT_TRACE_ONLY:
        return parse_trace_only(optarg, &o->trace_kinds, e);
    default:
        return parse_guest_option(option, o, given, e);
    }
}

static int check_consoles(struct options *o, const struct given *given, struct err *e)
{
    unsigned stdio = 0;
    if (!given->console)
        o->consoles[o->nconsoles++].kind = o->stdio || o->core ? CONSOLE_NONE : CONSOLE_STDIO;
    for (unsigned i = 0; i < o->nconsoles; i++) {
        stdio += o->consoles[i].kind == CONSOLE_STDIO;
        if (o->consoles[i].kind == CONSOLE_NONE && o->nconsoles > 1)
            return err_set(e, EXIT_USAGE, "--console none and another --console exclude each other");
    }
    if (stdio && o->stdio)
        return err_set(e, EXIT_USAGE,
                       "--stdio and --console stdio exclude each other: both need standard output");
    if (stdio > 1)
        return err_set(e, EXIT_USAGE, "--console stdio was given twice: there is one standard output");
    return 0;
}

/* What may be said of a dump. */
static bool suits_core(int option)
{
    static const int suitable[] = {OPT_CORE,          OPT_SYMBOLS, OPT_LISTEN,  OPT_LISTEN_ANY, OPT_STDIO,
                                   OPT_ON_DISCONNECT, OPT_LOG,     OPT_THREADS, OPT_DUMP_DIR};
    for (size_t i = 0; i < sizeof suitable / sizeof *suitable; i++)
        if (option == suitable[i])
            return true;
    return false;
}

static int check_core(const struct options *o, const struct given *given, struct err *e)
{
    const struct option *name = long_options;
    if (o->image)
        return err_set(e, EXIT_USAGE, "--core and IMAGE exclude each other: a dump cannot be started");
    if (!given->guest)
        return 0;
    while (name->val != given->guest)
        name++;
    return err_set(e, EXIT_USAGE,
                   "--core and --%s exclude each other: a dump is what it is, and runs no more", name->name);
}

static int check_together(struct options *o, const struct given *given, struct err *e)
{
    if (o->core && check_core(o, given, e))
        return -1;
    if (o->stdio && given->listen)
        return err_set(e, EXIT_USAGE, "--stdio and --listen exclude each other");
    if (check_consoles(o, given, e))
        return -1;
    if (o->has_psw && o->has_entry)
        return err_set(e, EXIT_USAGE, "--psw and --entry exclude each other: the PSW names the address");
    if (o->trace_kinds != EXIT_KINDS_ALL && !o->trace)
        return err_set(e, EXIT_USAGE, "--trace-only says what goes into a file: give --trace FILE, too");
    if (!o->stdio && !given->listen_any && !listen_is_local(&o->listen))
        return err_set(
            e, EXIT_USAGE,
            "--listen: other hosts can reach this address, and whoever connects controls the guest; "
            "add --listen-any if that is meant");
    return 0;
}

enum options_verdict options_parse(int argc, char **argv, struct options *o, struct err *e)
{
    struct given given = {false, false, false, 0};
    int option;
    *o = (struct options){.memory = MEMORY_DEFAULT,
                          .cpus = 1,
                          .log = LOG_WARNING,
                          .console_type = SCLP_VT220,
                          .escape = 0x1d,
                          .trace_kinds = EXIT_KINDS_ALL};
    if (listen_parse(OPTIONS_LISTEN, &o->listen, e))
        return OPTIONS_ERROR;
    optind = 0; /* glibc: start over, whoever parsed before */
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (option == OPT_HELP || option == OPT_VERSION) {
            o->version = option == OPT_VERSION;
            return OPTIONS_DONE;
        }
        if (option == ':')
            err_set(e, EXIT_USAGE, "option %s needs a value", argv[optind - 1]);
        else if (option == '?' && optopt > 0 && optopt < OPT_APPEND) /* optind may not be past it */
            err_set(e, EXIT_USAGE, "unknown option -%c", optopt);
        else if (option == '?')
            err_set(e, EXIT_USAGE, "option %s is unknown or ambiguous, or takes no value", argv[optind - 1]);
        if (option == ':' || option == '?' || parse_option(option, o, &given, e))
            return OPTIONS_ERROR;
        if (!suits_core(option))
            given.guest = option;
    }
    if (argc - optind > 1 || (argc == optind && !o->core)) {
        err_set(e, EXIT_USAGE, argc == optind ? "no IMAGE was given" : "more than one IMAGE was given");
        return OPTIONS_ERROR;
    }
    o->image = argv[optind]; /* NULL behind the last one */
    o->policy.log_is_debuggers = o->stdio;
    return check_together(o, &given, e) ? OPTIONS_ERROR : OPTIONS_RUN;
}
