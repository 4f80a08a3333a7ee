/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments of the other packets: what both sides can do, objects and files to transfer, monitor commands,
 * switches. */
#include "args.h"

#include <string.h>

/* Whether the token is just this text. */
static bool is_text(const struct cursor *token, const char *text)
{
    struct cursor c = *token;

    return take_text(&c, text) && at_end(&c);
}

static unsigned feature_bit(struct cursor *token)
{
    static const struct {
        const char *name;
        enum rsp_feature bit;
    } known[] = {
        {"multiprocess+", RSP_FEATURE_MULTIPROCESS}, {"swbreak+", RSP_FEATURE_SWBREAK},
        {"hwbreak+", RSP_FEATURE_HWBREAK},           {"error-message+", RSP_FEATURE_ERROR_MESSAGE},
        {"vContSupported+", RSP_FEATURE_VCONT},      {"QThreadEvents+", RSP_FEATURE_THREAD_EVENTS},
        {"no-resumed+", RSP_FEATURE_NO_RESUMED},     {"binary-upload+", RSP_FEATURE_BINARY_UPLOAD},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (is_text(token, known[i].name))
            return known[i].bit;
    }
    return take_text(token, "xmlRegisters=") ? RSP_FEATURE_XML_REGISTERS : 0;
}

enum rsp_verdict args_supported(struct cursor *c, struct rsp_request *out)
{
    out->features = 0;
    if (at_end(c))
        return RSP_OK;
    if (!take_char(c, ':'))
        return RSP_MALFORMED;
    while (!at_end(c)) {
        struct cursor token = take_token(c, ';');

        out->features |= feature_bit(&token);
    }
    return RSP_OK;
}

/* The length of the part that ends at the last ':', or SIZE_MAX if there is none. */
static size_t before_last_colon(const struct cursor *c)
{
    size_t n = left(c);

    while (n > 0 && c->p[n - 1] != ':')
        n--;
    return n - 1;
}

/* :object:read:annex:offset,length. The numbers stand behind the last colon, so that an annex may contain
 * one. */
enum rsp_verdict args_xfer(struct cursor *c, struct rsp_request *out)
{
    struct cursor object, operation;
    size_t annex_len;

    if (!take_char(c, ':'))
        return RSP_MALFORMED;
    object = take_token(c, ':');
    operation = take_token(c, ':');
    if (!is_text(&operation, "read"))
        return RSP_UNKNOWN;
    annex_len = before_last_colon(c);
    if (annex_len == SIZE_MAX || memchr(object.p, '\0', left(&object)) || memchr(c->p, '\0', annex_len))
        return RSP_MALFORMED;
    out->xfer.object = object.p;
    *object.end = '\0';
    out->xfer.annex = c->p;
    c->p += annex_len;
    *c->p++ = '\0';
    return verdict(take_hex(c, UINT64_MAX, &out->xfer.offset) && take_char(c, ',') &&
                   take_hex(c, UINT64_MAX, &out->xfer.len) && at_end(c));
}

enum rsp_verdict args_open(struct cursor *c, struct rsp_request *out)
{
    struct cursor name;

    if (!take_char(c, ':'))
        return RSP_MALFORMED;
    name = take_token(c, ',');
    out->file.name = name.p;
    return verdict(decode_string(&name, name.p) && take_u32(c, &out->file.flags) && take_char(c, ',') &&
                   take_u32(c, &out->file.mode) && at_end(c));
}

/* :filename */
enum rsp_verdict args_name(struct cursor *c, struct rsp_request *out)
{
    if (!take_char(c, ':'))
        return RSP_MALFORMED;
    out->file.name = c->p;
    return verdict(decode_string(c, c->p));
}

enum rsp_verdict args_pread(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_char(c, ':') && take_fd(c, &out->file.fd) && take_char(c, ',') &&
                   take_hex(c, UINT64_MAX, &out->file.count) && take_char(c, ',') &&
                   take_hex(c, UINT64_MAX, &out->file.offset) && at_end(c));
}

enum rsp_verdict args_colon_fd(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_char(c, ':') && take_fd(c, &out->file.fd) && at_end(c));
}

enum rsp_verdict args_monitor(struct cursor *c, struct rsp_request *out)
{
    if (!take_char(c, ','))
        return RSP_MALFORMED;
    out->monitor.text = c->p;
    out->monitor.text_len = left(c) / 2;
    return verdict(decode_string(c, c->p));
}

enum rsp_verdict args_flag(struct cursor *c, struct rsp_request *out)
{
    uint64_t value;

    if (!take_char(c, ':') || !take_hex(c, 1, &value) || !at_end(c))
        return RSP_MALFORMED;
    out->flag = value == 1;
    return RSP_OK;
}

enum rsp_verdict args_none(struct cursor *c, struct rsp_request *out)
{
    (void)out;
    return verdict(at_end(c));
}

/* R XX, for which the manual has it so, and what is refused whatever it says. */
enum rsp_verdict args_ignored(struct cursor *c, struct rsp_request *out)
{
    (void)c;
    (void)out;
    return RSP_OK;
}

/* :signal;signal;..., perhaps none. */
enum rsp_verdict args_signals(struct cursor *c, struct rsp_request *out)
{
    uint8_t signal;

    (void)out;
    if (!take_char(c, ':'))
        return RSP_MALFORMED;
    while (!at_end(c)) {
        struct cursor token = take_token(c, ';');

        if (!take_signal(&token, &signal) || !at_end(&token))
            return RSP_MALFORMED;
    }
    return RSP_OK;
}
