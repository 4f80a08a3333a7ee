/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log, caught, and a directory for one file: panic_rig.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "panic_rig.h"
#include "zgdbd/log.h"

/* ---- what is logged ---- */

static int kept_error;
static FILE *kept_log;

void log_begin(void)
{
    kept_error = dup(STDERR_FILENO);
    kept_log = tmpfile();
    assert_true(kept_log && kept_error >= 0 && dup2(fileno(kept_log), STDERR_FILENO) >= 0);
    log_set_level(LOG_WARNING);
}

const char *log_end(void)
{
    static char text[0x20000];
    size_t n;

    log_set_level(LOG_ERROR);
    assert_true(dup2(kept_error, STDERR_FILENO) >= 0);
    close(kept_error);
    rewind(kept_log);
    n = fread(text, 1, sizeof text - 1, kept_log);
    text[n] = 0;
    fclose(kept_log);
    return text;
}

unsigned count(const char *text, const char *part)
{
    unsigned n = 0;

    for (const char *at = text; (at = strstr(at, part)); at++)
        n++;
    return n;
}

/* ---- a directory for files ---- */

char dir[64], path[80];

void made_dir(void)
{
    strcpy(dir, "/tmp/zgdbd-panic-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/out", dir);
}

/* And nothing else was in it than the file, if that. */
void unmade_dir(void)
{
    unlink(path);
    assert_int_equal(rmdir(dir), 0);
}

const char *file_text(void)
{
    static char text[0x20000];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    assert_non_null(f);
    fclose(f);
    text[n] = 0;
    return text;
}

bool file_is_there(void)
{
    return access(path, F_OK) == 0;
}

struct policy writes(enum panic_file_kind kind)
{
    return (struct policy){.npanic_files = 1, .panic_files = {{kind, path}}};
}

void check_block(const char *text)
{
    const char *at = strstr(text, FIRST);

    assert_non_null(at);
    at = strstr(at, LAST);
    assert_non_null(at);
    assert_int_equal(count(text, FIRST), 1);
}
