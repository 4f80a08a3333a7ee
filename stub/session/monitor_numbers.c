/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers and CPUs among the arguments of `monitor` commands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor.h"

bool word_is_number(const char *word, size_t len, uint64_t *value)
{
    bool hex = len > 2 && strncmp(word, "0x", 2) == 0;
    const char *digits = hex ? word + 2 : word;
    size_t n = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
    errno = 0;
    *value = strtoull(digits, NULL, hex ? 16 : 10);
    return n && digits + n == word + len && errno == 0;
}

bool take_number(const char *args, uint64_t *value, const char **rest)
{
    size_t len = strcspn(args, " \t");
    *rest = args + len + strspn(args + len, " \t");
    return word_is_number(args, len, value);
}

bool take_cpu(const struct session *s, const char *args, unsigned *cpu, struct text *out)
{
    unsigned ncpus = s->target->machine->ncpus;
    const char *rest = "";
    uint64_t number = s->monitor_cpu;
    if (*args && (!take_number(args, &number, &rest) || *rest || number >= ncpus)) {
        put(out, "There is no CPU \"%.64s\": they are 0 to %u.\n", args, ncpus - 1);
        return false;
    }
    *cpu = (unsigned)number;
    return true;
}
