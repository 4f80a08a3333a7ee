/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The manual page's section on packets, held to the packet table, which the session tests hold to the code:
 * a packet is in the manual where its replies belong, and no packet is in only one of the two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "packet_table.h"

#define NAMES_MAX 200u

enum group {
    NONE,
    SERVED,
    REFUSED, /* with an error */
    NOT_SERVED,
};

static struct name {
    char text[32];
    enum group group;
    unsigned rows, good; /* rows of the table, and those with a reply that is no error */
} names[NAMES_MAX];
static unsigned nnames;

static enum group group_of(const char *heading)
{
    if (strstr(heading, "Packets that are served"))
        return SERVED;
    if (strstr(heading, "Packets that are refused with an error"))
        return REFUSED;
    return strstr(heading, "Packets that are not served") ? NOT_SERVED : NONE;
}

static void take_names(char *list, enum group group)
{
    for (char *word = strtok(list, " \n"); word; word = strtok(NULL, " \n")) {
        word += strncmp(word, "\\&", 2) == 0 ? 2 : 0;
        assert_true(nnames < NAMES_MAX && strlen(word) < sizeof names[0].text);
        strcpy(names[nnames].text, word);
        names[nnames++].group = group;
    }
}

static int read_manual(void **state)
{
    FILE *manual = fopen("stub/zgdbd.1", "r");
    enum group group = NONE;
    char line[512];

    (void)state;
    if (!manual)
        return -1;
    while (fgets(line, sizeof line, manual)) {
        if (strncmp(line, ".Sh", 3) == 0 || strncmp(line, ".Ss", 3) == 0)
            group = group_of(line);
        else if (group != NONE && strncmp(line, ".It ", 4) == 0)
            take_names(line + 4, group);
    }
    return fclose(manual);
}

/* Whether a request is such a packet. Short names have no end: the longest one counts. */
static bool is_packet(const char *request, const char *name)
{
    size_t n = strlen(name);

    return strncmp(request, name, n) == 0 && (n <= 2 || !isalnum((unsigned char)request[n]));
}

/* The most special of the names, or NULL. */
static struct name *name_of(const char *request)
{
    struct name *best = NULL;

    for (struct name *n = names; n < names + nnames; n++) {
        if (is_packet(request, n->text) && (!best || strlen(n->text) > strlen(best->text)))
            best = n;
    }
    return best;
}

static bool is_error(const char *reply)
{
    return reply[0] == 'E' || strncmp(reply, "F-1", 3) == 0;
}

static void check_row(const struct packet_row *row)
{
    struct name *n = name_of(row->request);
    bool empty = row->reply[0] == '\0' && row->how != SILENT;

    if (!n) {
        fail_msg("%s is not in the manual", row->request);
        return;
    }
    n->rows++;
    n->good += !empty && !is_error(row->reply);
    if (empty != (n->group == NOT_SERVED) || (n->group == REFUSED && !is_error(row->reply)))
        fail_msg("%s is in the wrong group: the reply is \"%s\"", row->request, row->reply);
}

static void test_every_packet_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < npacket_rows; i++) {
        if (packet_rows[i].request[0])
            check_row(&packet_rows[i]);
    }
    assert_true(nnames > 100);
    for (unsigned i = 0; i < nnames; i++) {
        if (names[i].rows == 0)
            fail_msg("%s is only in the manual", names[i].text);
        if (names[i].group == SERVED && names[i].good == 0)
            fail_msg("%s is served, but every row is an error", names[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_packet_is_told)};

    return cmocka_run_group_tests(tests, read_manual, NULL);
}
