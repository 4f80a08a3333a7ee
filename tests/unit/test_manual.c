/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The manual, --help and `monitor help` name the same: every option, every monitor command, every reason of
 * an exit. (Its packets are held to the code by test_packet_manual.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_rig.h"
#include "zgdbd/log.h"
#include "zgdbd/options.h"
#include "zgdbd/trace.h"

static char manual[0x40000];

static int read_manual(void **state)
{
    FILE *file = fopen("stub/zgdbd.1", "r");
    size_t n = file ? fread(manual, 1, sizeof manual, file) : 0;

    (void)state;
    if (file)
        fclose(file);
    return n > 0 && n < sizeof manual ? 0 : -1;
}

/* Whether the word stands in the manual behind this macro, and is not the beginning of a longer one. */
static bool manual_has(const char *before, const char *word)
{
    char wanted[100];
    size_t len = (size_t)snprintf(wanted, sizeof wanted, "%s%s", before, word);
    const char *at = manual;

    while ((at = strstr(at, wanted)) && (isalnum((unsigned char)at[len]) || at[len] == '-'))
        at += len;
    return at != NULL;
}

/* Copies the word at *text, and leaves *text at the next line's beginning. */
static void take_line(const char **text, char *word, size_t size)
{
    size_t len = strcspn(*text, " \n");

    snprintf(word, size, "%.*s", (int)len, *text);
    *text += strcspn(*text, "\n");
    *text += **text == '\n';
}

static void every_command(void **state)
{
    struct world *w = *state;
    char *list = strdup(monitor(w, "help"));
    char name[64];
    char line[80];
    unsigned n = 0;

    for (const char *at = list; at && *at && strncmp(at, "OK", 2) != 0; n++) {
        take_line(&at, name, sizeof name);
        if (!manual_has("Ic monitor ", name))
            fail_msg("monitor %s is not in the manual", name);
        snprintf(line, sizeof line, "help %s", name);
        CONTAINS(monitor(w, line), name);
    }
    assert_true(n >= 25);
    free(list);
}

static void every_option(void **state)
{
    const char *at = options_help();
    char name[64];
    unsigned n = 0;

    (void)state;
    while (*at) {
        bool option = strncmp(at, "  --", 4) == 0;

        at += option ? 4 : 0;
        take_line(&at, name, sizeof name);
        if (option && !manual_has("Fl -", name))
            fail_msg("--%s is not in the manual", name);
        n += option;
    }
    assert_true(n >= 25);
}

static void every_reason(void **state)
{
    struct world *w = *state;
    char *help = strdup(monitor(w, "help trace"));

    for (int kind = 0; kind < EXIT_KINDS; kind++) {
        char name[64];

        snprintf(name, sizeof name, "%s", exit_kind_name((enum exit_kind)kind));
        for (char *c = name; *c; c++)
            *c = (char)(*c == ' ' ? '-' : *c);
        CONTAINS(help, name);
        CONTAINS(options_help(), name);
        if (!manual_has(".It ", name))
            fail_msg("the reason %s is not in the manual", name);
    }
    free(help);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(every_command),
        cmocka_unit_test(every_option),
        TEST(every_reason),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, read_manual, NULL);
}
