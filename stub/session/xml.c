/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of the guest's and of the host's file names in the XML documents that gdb reads. */
#include <stdio.h>
#include <string.h>

#include "internal.h"

void xml_put(FILE *f, const char *text)
{
    while (*text) {
        size_t plain = strcspn(text, "<&\"");
        fwrite(text, 1, plain, f);
        text += plain;
        if (*text)
            fputs(*text == '<' ? "&lt;" : *text == '&' ? "&amp;" : "&quot;", f);
        text += *text != 0;
    }
}
