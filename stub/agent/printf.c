/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What printf of the bytecode prints. The format comes from outside: it is taken apart when the expression is
 * compiled, and what it asks for is made here, digit by digit; the C library's printf never sees it. The
 * conversions are those of gdb's own printf that need no floating point and no wide characters. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define FLAG_LEFT 1u
#define FLAG_ZERO 2u
#define FLAG_PLUS 4u
#define FLAG_SPACE 8u
#define FLAG_ALTERNATE 16u

#define NO_PRECISION UINT16_MAX

/* How much of a string is read at once. */
#define STRING_CHUNK 64u

/* Text as it stands, then one conversion. */
struct piece {
    uint16_t start, len; /* of the text */
    char conversion;     /* one of "diuoxXcsp", or 0 at the end of the format */
    uint8_t flags;
    uint8_t bits; /* of an integer */
    uint16_t width, precision;
};

struct format {
    char *text; /* behind the pieces */
    size_t npieces;
    struct piece pieces[];
};

/* ---- taking a format apart ---- */

static int bad_format(struct err *e, const char *what, char c)
{
    if (c < ' ' || c > '~')
        return err_set(e, EXIT_OTHER, "printf format: %s, byte 0x%02x", what, (unsigned char)c);
    return err_set(e, EXIT_OTHER, "printf format: %s '%c'", what, c);
}

/* The character that is written as a backslash and c, or 0: those that gdb's printf knows. */
static char escaped(char c)
{
    static const char from[] = "\\abefnrtv\"", to[] = "\\\a\b\x1b\f\n\r\t\v\"";
    const char *p = c ? strchr(from, c) : NULL;

    return p ? to[p - from] : 0;
}

/* Number of at most AGENT_TEXT_MAX, or -1. */
static int parse_size(const char **s, uint16_t *out)
{
    unsigned n = 0;

    for (; **s >= '0' && **s <= '9'; (*s)++) {
        n = n * 10 + (unsigned)(**s - '0');
        if (n > AGENT_TEXT_MAX)
            return -1;
    }
    *out = (uint16_t)n;
    return 0;
}

static unsigned parse_flags(const char **s)
{
    static const char flags[] = "-0+ #";
    unsigned found = 0;

    for (const char *f; **s && (f = strchr(flags, **s)); (*s)++)
        found |= 1u << (f - flags);
    return found;
}

/* The length modifier as the width of the integer; *s moves behind it. */
static unsigned parse_bits(const char **s)
{
    char c = **s;

    if (c == 'h' || c == 'l') {
        (*s)++;
        if (**s != c)
            return c == 'h' ? 16 : 64;
        (*s)++;
        return c == 'h' ? 8 : 64;
    }
    if (c == 'z' || c == 't' || c == 'j') {
        (*s)++;
        return 64;
    }
    return 32;
}

/* What stands behind a %: *s moves behind it. */
static int parse_conversion(const char **s, struct piece *p, struct err *e)
{
    const char *modifier;

    p->flags = (uint8_t)parse_flags(s);
    p->precision = NO_PRECISION;
    if (parse_size(s, &p->width))
        return err_set(e, EXIT_OTHER, "printf format: a width beyond %u", AGENT_TEXT_MAX);
    if (**s == '.') {
        ++*s;
        if (parse_size(s, &p->precision))
            return err_set(e, EXIT_OTHER, "printf format: a precision beyond %u", AGENT_TEXT_MAX);
    }
    modifier = *s;
    p->bits = (uint8_t)parse_bits(s);
    p->conversion = **s;
    if (!p->conversion)
        return err_set(e, EXIT_OTHER, "printf format: it ends within a conversion");
    if (!strchr("diuoxXcsp", p->conversion))
        return bad_format(e, "there is no conversion", p->conversion);
    if (*s != modifier && strchr("csp", p->conversion))
        return bad_format(e, "a length does not go with", p->conversion);
    ++*s;
    return 0;
}

/* Removes the escapes; a quote ends the format, as it does where gdb reads it. out has room for len bytes. */
static int unescape(const char *text, size_t len, char *out, struct err *e)
{
    const char *end = text + len - 1; /* the NUL */

    for (; text < end && *text != '"'; text++) {
        if (*text == '\\') {
            if (!escaped(*++text))
                return bad_format(e, "there is no escape", *text);
            *out++ = escaped(*text);
        } else {
            *out++ = *text;
        }
    }
    *out = 0;
    return 0;
}

/* The pieces have room for one more than there are percent signs. */
static int parse_format(struct format *f, unsigned *nargs, struct err *e)
{
    const char *s = f->text;
    struct piece *p = f->pieces;

    *nargs = 0;
    while (*s) {
        const char *percent = strchrnul(s, '%');

        p->start = (uint16_t)(s - f->text);
        p->len = (uint16_t)(percent - s);
        s = percent;
        if (s[0] == '%' && s[1] == '%') { /* the first of the two is text */
            p->len++;
            s += 2;
        } else if (*s == '%') {
            s++;
            if (parse_conversion(&s, p, e))
                return -1;
            ++*nargs;
        }
        p++;
    }
    f->npieces = (size_t)(p - f->pieces);
    return 0;
}

struct format *format_compile(const char *text, size_t len, unsigned nargs, struct err *e)
{
    size_t most = 1;
    unsigned wanted;
    struct format *f;

    if (len == 0 || memchr(text, 0, len) != text + len - 1) {
        err_set(e, EXIT_OTHER, "printf format: it does not end with its only NUL");
        return NULL;
    }
    for (size_t i = 0; i < len; i++)
        most += text[i] == '%';
    f = calloc(1, sizeof *f + most * sizeof f->pieces[0] + len);
    if (!f) {
        err_set(e, EXIT_OTHER, "printf format: no memory");
        return NULL;
    }
    f->text = (char *)&f->pieces[most];
    if (unescape(text, len, f->text, e) || parse_format(f, &wanted, e)) {
        free(f);
        return NULL;
    }
    if (wanted != nargs) {
        err_set(e, EXIT_OTHER, "printf format: it has %u conversions for %u arguments", wanted, nargs);
        free(f);
        return NULL;
    }
    return f;
}

/* ---- printing ---- */

struct output {
    size_t len;
    char text[AGENT_TEXT_MAX]; /* what is beyond it is lost */
};

static void put(struct output *o, const char *text, size_t len)
{
    if (len > sizeof o->text - o->len)
        len = sizeof o->text - o->len;
    memcpy(o->text + o->len, text, len);
    o->len += len;
}

static void put_repeated(struct output *o, char c, size_t n)
{
    if (n > sizeof o->text - o->len)
        n = sizeof o->text - o->len;
    memset(o->text + o->len, c, n);
    o->len += n;
}

/* Pads with blanks to the width. */
static void put_padded(struct output *o, const struct piece *p, const char *text, size_t len)
{
    size_t padding = p->width > len ? p->width - len : 0;

    if (!(p->flags & FLAG_LEFT))
        put_repeated(o, ' ', padding);
    put(o, text, len);
    if (p->flags & FLAG_LEFT)
        put_repeated(o, ' ', padding);
}

/* Digits of value, the last one before end; returns the first one. None for 0. */
static char *digits(char *end, uint64_t value, unsigned base, const char *alphabet)
{
    for (; value; value /= base)
        *--end = alphabet[value % base];
    return end;
}

/* Sign or base in front of a number, zeros up to the precision or, with the flag 0, the width. */
static void put_number(struct output *o, const struct piece *p, const char *prefix, const char *first,
                       size_t len)
{
    size_t before = strlen(prefix), least = p->precision == NO_PRECISION ? 1 : p->precision;
    size_t zeros = least > len ? least - len : 0, padding;

    if (p->conversion == 'o' && (p->flags & FLAG_ALTERNATE) && zeros == 0)
        zeros = 1;
    padding = before + zeros + len < p->width ? p->width - (before + zeros + len) : 0;
    if (p->precision == NO_PRECISION && (p->flags & FLAG_ZERO) && !(p->flags & FLAG_LEFT)) {
        zeros += padding;
        padding = 0;
    }
    if (!(p->flags & FLAG_LEFT))
        put_repeated(o, ' ', padding);
    put(o, prefix, before);
    put_repeated(o, '0', zeros);
    put(o, first, len);
    if (p->flags & FLAG_LEFT)
        put_repeated(o, ' ', padding);
}

static void put_signed(struct output *o, const struct piece *p, uint64_t value)
{
    unsigned unused = 64 - p->bits;
    int64_t number = (int64_t)(value << unused) >> unused;
    const char *sign = p->flags & FLAG_PLUS ? "+" : p->flags & FLAG_SPACE ? " " : "";
    char buf[24], *end = buf + sizeof buf;
    const char *first = digits(end, number < 0 ? -(uint64_t)number : (uint64_t)number, 10, "0123456789");

    put_number(o, p, number < 0 ? "-" : sign, first, (size_t)(end - first));
}

static void put_unsigned(struct output *o, const struct piece *p, uint64_t value)
{
    unsigned base = p->conversion == 'u' ? 10 : p->conversion == 'o' ? 8 : 16;
    bool capital = p->conversion == 'X';
    const char *prefix = "";
    char buf[24], *end = buf + sizeof buf;
    const char *first;

    value = value << (64 - p->bits) >> (64 - p->bits);
    first = digits(end, value, base, capital ? "0123456789ABCDEF" : "0123456789abcdef");
    if (base == 16 && value && (p->flags & FLAG_ALTERNATE))
        prefix = capital ? "0X" : "0x";
    put_number(o, p, prefix, first, (size_t)(end - first));
}

static void put_pointer(struct output *o, const struct piece *p, uint64_t value)
{
    char buf[24], *end = buf + sizeof buf, *first = digits(end, value, 16, "0123456789abcdef");

    if (!value) {
        put_padded(o, p, "(nil)", 5);
        return;
    }
    *--first = 'x';
    *--first = '0';
    put_padded(o, p, first, (size_t)(end - first));
}

/* A string in memory, up to its NUL or the precision; dots for what is beyond AGENT_STRING_MAX. */
static int put_string(struct output *o, const struct piece *p, uint64_t addr, const struct agent_context *c,
                      struct err *e)
{
    char buf[AGENT_STRING_MAX + 3];
    size_t max = p->precision < AGENT_STRING_MAX ? p->precision : AGENT_STRING_MAX, len = 0;

    if (!addr) { /* as gdb prints it; a string in the first bytes of the lowcore is not to be expected */
        put_padded(o, p, "(null)", max < 6 ? max : 6);
        return 0;
    }
    while (len < max) {
        size_t chunk = max - len < STRING_CHUNK ? max - len : STRING_CHUNK;
        size_t got = c->read_memory(c->arg, addr + len, buf + len, chunk);
        const char *nul = memchr(buf + len, 0, got);

        if (nul) {
            put_padded(o, p, buf, (size_t)(nul - buf));
            return 0;
        }
        len += got;
        if (got < chunk)
            return err_set(e, EXIT_OTHER, "the string at 0x%llx cannot be read beyond 0x%llx",
                           (unsigned long long)addr, (unsigned long long)(addr + len));
    }
    if (p->precision > max) {
        memcpy(buf + len, "...", 3);
        len += 3;
    }
    put_padded(o, p, buf, len);
    return 0;
}

static int put_argument(struct output *o, const struct piece *p, uint64_t value,
                        const struct agent_context *c, struct err *e)
{
    char byte = (char)value;

    switch (p->conversion) {
    case 'd':
    case 'i':
        put_signed(o, p, value);
        return 0;
    case 'c':
        put_padded(o, p, &byte, 1);
        return 0;
    case 'p':
        put_pointer(o, p, value);
        return 0;
    case 's':
        return put_string(o, p, value, c, e);
    default:
        put_unsigned(o, p, value);
        return 0;
    }
}

int format_print(const struct format *f, const uint64_t *args, const struct agent_context *c, struct err *e)
{
    struct output o;

    o.len = 0;
    for (size_t k = 0; k < f->npieces; k++) {
        const struct piece *p = &f->pieces[k];

        put(&o, f->text + p->start, p->len);
        if (p->conversion && put_argument(&o, p, *args--, c, e))
            return -1;
    }
    if (c->print && o.len)
        c->print(c->arg, o.text, o.len);
    return 0;
}
