/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where members are in the kernel's structures, from the type information (BTF) that a kernel with
 * CONFIG_DEBUG_INFO_BTF carries in its memory. libbpf parses it; what libbpf takes on trust is checked here
 * first. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>

#include "internal.h"
#include "zgdbd/bytes.h"

/* Debian's 6.12 has 4 MiB of it. */
#define BTF_BYTES_MAX (64u << 20)
/* Anonymous structures and unions within one another, and all members that are looked at for one name. */
#define DEPTH_MAX 8u
#define MEMBERS_MAX 100000u

/* struct btf_header of <linux/btf.h>, in bytes. */
enum {
    HEADER_MAGIC = 0,    /* u16 */
    HEADER_VERSION = 2,  /* u8 */
    HEADER_LENGTH = 4,   /* u32, as all that follow */
    HEADER_TYPE_OFF = 8, /* behind the header */
    HEADER_TYPE_LEN = 12,
    HEADER_STR_OFF = 16,
    HEADER_STR_LEN = 20,
    HEADER_BYTES = 24,
};

/* libbpf believes the header's length, and takes data of either byte order. */
static bool header_holds(const uint8_t *data, size_t size)
{
    if (size < HEADER_BYTES || load_be16(data + HEADER_MAGIC) != BTF_MAGIC ||
        data[HEADER_VERSION] != BTF_VERSION || load_be32(data + HEADER_LENGTH) != HEADER_BYTES)
        return false;
    uint64_t types_end = (uint64_t)load_be32(data + HEADER_TYPE_OFF) + load_be32(data + HEADER_TYPE_LEN);
    uint64_t strings = load_be32(data + HEADER_STR_OFF);
    uint64_t strings_end = strings + load_be32(data + HEADER_STR_LEN);
    return load_be32(data + HEADER_TYPE_OFF) % 4 == 0 && types_end <= strings && strings < strings_end &&
           strings_end <= size - HEADER_BYTES;
}

/* ---- members ---- */

struct search {
    const struct btf *btf;
    const char *name;
    unsigned left; /* members that may still be looked at */
    uint64_t bits; /* found: from the beginning of the outermost structure */
};

static const struct btf_type *struct_type(const struct btf *btf, uint32_t id)
{
    const struct btf_type *t = btf__type_by_id(btf, id);
    for (unsigned i = 0; t && i < DEPTH_MAX && (btf_is_mod(t) || btf_is_typedef(t)); i++)
        t = btf__type_by_id(btf, t->type);
    return t && (btf_is_struct(t) || btf_is_union(t)) ? t : NULL;
}

static bool find_member(struct search *s, const struct btf_type *t, uint64_t bits, unsigned depth)
{
    const struct btf_member *m = btf_members(t);
    for (unsigned i = 0; i < btf_vlen(t) && s->left; i++) {
        uint64_t at = bits + btf_member_bit_offset(t, i);
        const char *name = btf__name_by_offset(s->btf, m[i].name_off);
        const struct btf_type *inner;
        s->left--;
        if (name && strcmp(name, s->name) == 0) {
            s->bits = at;
            return true;
        }
        if (!name || *name || depth == DEPTH_MAX)
            continue;
        inner = struct_type(s->btf, m[i].type);
        if (inner && find_member(s, inner, at, depth + 1))
            return true;
    }
    return false;
}

static void find(const struct btf *btf, struct linux_btf_member *wanted)
{
    struct search s = {.btf = btf, .name = wanted->member, .left = MEMBERS_MAX};
    int id = btf__find_by_name_kind(btf, wanted->type, BTF_KIND_STRUCT);
    const struct btf_type *t = id > 0 ? struct_type(btf, (uint32_t)id) : NULL;
    wanted->found = t && find_member(&s, t, 0, 0) && s.bits % 8 == 0 && s.bits / 8 < LINUX_STRUCT_MAX;
    wanted->offset = wanted->found ? (uint32_t)(s.bits / 8) : 0;
}

int linux_btf_find(const uint8_t *data, size_t size, struct linux_btf_member *wanted, size_t n, struct err *e)
{
    struct btf *btf = NULL;
    if (size <= BTF_BYTES_MAX && header_holds(data, size)) {
        libbpf_set_print(NULL); /* what is wrong with it is nobody's news */
        btf = btf__new(data, (uint32_t)size);
    }
    if (!btf)
        return err_set(e, EXIT_OTHER, "the guest's type information (BTF, %zu bytes) is damaged", size);
    for (size_t i = 0; i < n; i++)
        find(btf, &wanted[i]);
    btf__free(btf);
    return 0;
}

int linux_btf_members(struct linux_guest *g, struct linux_btf_member *wanted, size_t n, struct err *e)
{
    uint64_t start, stop;
    uint8_t *data;
    int result;
    if (!linux_symbol_named(g, "__start_BTF", &start) || !linux_symbol_named(g, "__stop_BTF", &stop))
        return err_set(e, EXIT_OTHER,
                       "the guest's memory has no type information (BTF) of its kernel, or no name for it "
                       "(CONFIG_DEBUG_INFO_BTF, CONFIG_KALLSYMS_ALL)");
    if (stop <= start || stop - start > BTF_BYTES_MAX)
        return err_set(e, EXIT_OTHER, "the guest's type information (BTF) has no believable size");
    data = malloc(stop - start);
    if (!data)
        return err_set(e, EXIT_OTHER, "no memory for the guest's type information (BTF)");
    result = linux_read(g, start, data, stop - start) == stop - start
                 ? linux_btf_find(data, stop - start, wanted, n, e)
                 : err_set(e, EXIT_OTHER, "the guest's type information (BTF) at 0x%llx cannot be read",
                           (unsigned long long)start);
    free(data);
    return result;
}
