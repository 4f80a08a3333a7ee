/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments of the packets about the target's state: registers, memory, breakpoints. */
#include "args.h"

/* The rest as hex bytes, at least one. */
static bool take_register_bytes(struct cursor *c, struct rsp_request *out)
{
    out->reg.data = (const uint8_t *)c->p;
    out->reg.len = left(c) / 2;
    return !at_end(c) && decode_hex(c, c->p);
}

enum rsp_verdict args_all_registers(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_register_bytes(c, out));
}

enum rsp_verdict args_register(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_u32(c, &out->reg.number) && at_end(c));
}

enum rsp_verdict args_register_value(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_u32(c, &out->reg.number) && take_char(c, '=') && take_register_bytes(c, out));
}

static bool take_mem(struct cursor *c, struct rsp_request *out)
{
    return take_range(c, ',', &out->mem.addr, &out->mem.len);
}

enum rsp_verdict args_range(struct cursor *c, struct rsp_request *out)
{
    return verdict(take_mem(c, out) && at_end(c));
}

enum rsp_verdict args_range_hex(struct cursor *c, struct rsp_request *out)
{
    if (!take_mem(c, out) || !take_char(c, ':'))
        return RSP_MALFORMED;
    out->mem.data = (const uint8_t *)c->p;
    return verdict(left(c) / 2 == out->mem.len && decode_hex(c, c->p));
}

enum rsp_verdict args_range_binary(struct cursor *c, struct rsp_request *out)
{
    if (!take_mem(c, out) || !take_char(c, ':'))
        return RSP_MALFORMED;
    out->mem.data = (const uint8_t *)c->p;
    return verdict(left(c) == out->mem.len);
}

/* :addr,length */
enum rsp_verdict args_colon_range(struct cursor *c, struct rsp_request *out)
{
    return take_char(c, ':') ? args_range(c, out) : RSP_MALFORMED;
}

/* :addr;length;pattern, which is all the rest. */
enum rsp_verdict args_search(struct cursor *c, struct rsp_request *out)
{
    if (!take_char(c, ':') || !take_range(c, ';', &out->search.addr, &out->search.len) || !take_char(c, ';'))
        return RSP_MALFORMED;
    out->search.pattern = (const uint8_t *)c->p;
    out->search.pattern_len = left(c);
    return verdict(!at_end(c));
}

/* "Xlen,code" as often as it comes, with ';' between them or, as gdb writes it, not; the code is decoded in
 * place. */
static bool take_exprs(struct cursor *c, struct rsp_expr exprs[RSP_EXPRS_MAX], unsigned *n)
{
    *n = 0;
    while (take_char(c, 'X') || (*n && take_text(c, ";X"))) {
        uint64_t len;
        struct cursor code;

        if (!take_hex(c, left(c) / 2, &len) || len == 0 || !take_char(c, ',') || left(c) / 2 < len ||
            *n == RSP_EXPRS_MAX)
            return false;
        code = (struct cursor){.p = c->p, .end = c->p + 2 * len};
        if (!decode_hex(&code, code.p))
            return false;
        exprs[(*n)++] = (struct rsp_expr){(const uint8_t *)code.p, len};
        c->p = code.end;
    }
    return true;
}

/* [Xlen,code...][;cmds:persist,Xlen,code...], and with commands only the first ';' is the packet's. */
static bool take_conditions(struct cursor *c, struct rsp_request *out)
{
    uint64_t persist;

    if (!take_exprs(c, out->point.conditions, &out->point.nconditions))
        return false;
    if (out->point.nconditions && !at_end(c) && !take_char(c, ';'))
        return false;
    if (at_end(c))
        return out->point.nconditions && c->p[-1] != ';';
    if (!take_text(c, "cmds:") || !take_hex(c, 1, &persist) || !take_char(c, ','))
        return false;
    out->point.persist = persist;
    return take_exprs(c, out->point.commands, &out->point.ncommands) && out->point.ncommands;
}

/* type,addr,kind and, for an inserted breakpoint only, ;conditions;commands. A type we do not know is a
 * packet we do not know: that is how the protocol lets a stub refuse types one by one. */
enum rsp_verdict args_point(struct cursor *c, struct rsp_request *out)
{
    uint64_t type;

    if (!take_hex(c, UINT64_MAX, &type) || !take_char(c, ','))
        return RSP_MALFORMED;
    if (type > RSP_POINT_ACCESS)
        return RSP_UNKNOWN;
    out->point.type = (enum rsp_point_type)type;
    out->point.nconditions = 0;
    out->point.ncommands = 0;
    out->point.persist = false;
    if (!take_hex(c, UINT64_MAX, &out->point.addr) || !take_char(c, ',') ||
        !take_hex(c, UINT64_MAX, &out->point.kind))
        return RSP_MALFORMED;
    if (out->kind == RSP_INSERT_POINT && type <= RSP_POINT_HARDWARE && take_char(c, ';') && !at_end(c))
        return verdict(take_conditions(c, out) && at_end(c));
    return verdict(at_end(c));
}
