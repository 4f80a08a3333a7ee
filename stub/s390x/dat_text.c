/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of a translation in words: each entry with its bits by their names in the Principles (chapter 3,
 * "Translation Tables"; chapter 5, "Access-Register-Translation Tables"). Nothing is translated here. */
#include "dat_internal.h"
#include "zgdbd/words.h"

static unsigned long long ull(uint64_t n)
{
    return n;
}

static void add_if(struct words *t, uint64_t bit, const char *words)
{
    if (bit)
        words_add(t, ", %s", words);
}

static const char *const table_names[] = {
    [DAT_SEGMENT_TABLE] = "segment table",
    [DAT_REGION_THIRD_TABLE] = "region-third table",
    [DAT_REGION_SECOND_TABLE] = "region-second table",
    [DAT_REGION_FIRST_TABLE] = "region-first table",
};

const char *dat_table_entry_name(enum dat_table table)
{
    static const char *const names[] = {
        [DAT_SEGMENT_TABLE] = "segment-table entry",
        [DAT_REGION_THIRD_TABLE] = "region-third-table entry",
        [DAT_REGION_SECOND_TABLE] = "region-second-table entry",
        [DAT_REGION_FIRST_TABLE] = "region-first-table entry",
        [DAT_PAGE_TABLE] = "page-table entry",
        [DAT_ACCESS_LIST_DESIGNATION] = "access-list designation",
        [DAT_ACCESS_LIST] = "access-list entry",
        [DAT_ASN_SECOND_TABLE] = "ASN-second-table entry",
        [DAT_AUTHORITY_TABLE] = "authority-table entry",
    };

    return names[table];
}

static void add_frame(struct words *t, const struct dat_step *step)
{
    uint64_t entry = step->value[0];
    bool region = step->table == DAT_REGION_THIRD_TABLE;

    words_add(t, "%s frame at 0x%llx", region ? "2 GiB" : "1 MiB",
              ull(entry & (region ? ~0x7fffffffULL : ~0xfffffULL)));
    if (entry & ENTRY_ACCF_VALID)
        words_add(t, ", access key %u%s", (unsigned)(entry >> ENTRY_ACC_SHIFT & 15),
                  entry & ENTRY_FETCH_PROTECTED ? " with fetch protection" : "");
    add_if(t, entry & ENTRY_NO_EXECUTE, "no-execute");
}

/* Of region and segment tables. */
static void add_table_entry(struct words *t, const struct dat_step *step)
{
    uint64_t entry = step->value[0];

    if (step->frame)
        add_frame(t, step);
    else if (step->table == DAT_SEGMENT_TABLE)
        words_add(t, "page table at 0x%llx", ull(entry & ~0x7ffULL));
    else
        words_add(t, "%s at 0x%llx, offset %u, length %u", table_names[step->table - 1],
                  ull(entry & ~0xfffULL), (unsigned)(entry >> 6 & 3), (unsigned)(entry & 3));
    add_if(t, entry & ENTRY_PROTECTED, "protected");
    add_if(t, entry & ENTRY_INVALID, "invalid");
    add_if(t, step->table <= DAT_REGION_THIRD_TABLE && entry & ENTRY_COMMON, "common");
    if ((entry >> 2 & 3) != (unsigned)step->table)
        words_add(t, ", table type of a %s", table_names[entry >> 2 & 3]);
}

static void add_page(struct words *t, uint64_t entry)
{
    words_add(t, "4 KiB frame at real 0x%llx", ull(entry & ~0xfffULL));
    add_if(t, entry & PAGE_ZERO, "bit 52 is one");
    add_if(t, entry & PAGE_INVALID, "invalid");
    add_if(t, entry & PAGE_PROTECTED, "protected");
    add_if(t, entry & ENTRY_NO_EXECUTE, "no-execute");
}

static void add_ale(struct words *t, const struct dat_step *step)
{
    uint64_t first = step->value[0];

    words_add(t, "ASTE at real 0x%llx with sequence number %u, sequence number %u",
              ull((step->value[1] & ALE_ASTE_ORIGIN) >> 32), (uint32_t)step->value[1],
              (unsigned)(first >> 48 & 0xff));
    add_if(t, first & ALE_INVALID, "invalid");
    add_if(t, first & ALE_FETCH_ONLY, "fetch-only");
    if (first & ALE_PRIVATE)
        words_add(t, ", private to authorization index %u", (unsigned)(first >> 32 & 0xffff));
}

static void add_aste(struct words *t, const struct dat_step *step)
{
    words_add(t, "ASCE %016llx, sequence number %u, authority table of %u entries at real 0x%llx",
              ull(step->value[1]), (uint32_t)step->value[2],
              ((unsigned)(step->value[0] >> 4 & 0xfff) + 1) * 16,
              ull((step->value[0] & ASTE_AUTHORITY_ORIGIN) >> 32));
    add_if(t, step->value[0] & ASTE_INVALID, "invalid");
}

static void add_authority(struct words *t, const struct dat_step *step)
{
    uint64_t bits = step->value[0] << step->index % 4 * 2;

    words_add(t, "%s primary and %s secondary authority", bits & 0x80 ? "with" : "without",
              bits & 0x40 ? "with" : "without");
}

char *dat_step_describe(const struct dat_step *step, char *buf, size_t size)
{
    struct words t = {buf, size, 0};

    buf[0] = 0;
    if (!step->bytes)
        return buf;
    switch (step->table) {
    case DAT_PAGE_TABLE:
        add_page(&t, step->value[0]);
        break;
    case DAT_ACCESS_LIST_DESIGNATION:
        words_add(&t, "access list of %u entries at real 0x%llx",
                  ((unsigned)(step->value[0] & ALD_LENGTH) + 1) * 8, ull(step->value[0] & ALD_ORIGIN));
        break;
    case DAT_ACCESS_LIST:
        add_ale(&t, step);
        break;
    case DAT_ASN_SECOND_TABLE:
        add_aste(&t, step);
        break;
    case DAT_AUTHORITY_TABLE:
        add_authority(&t, step);
        break;
    default:
        add_table_entry(&t, step);
    }
    return buf;
}

char *dat_asce_describe(uint64_t asce, char *buf, size_t size)
{
    struct words t = {buf, size, 0};

    if (asce & ASCE_REAL_SPACE)
        words_add(&t, "real space");
    else
        words_add(&t, "%s at 0x%llx, length %u", table_names[asce >> 2 & 3], ull(asce & ~0xfffULL),
                  (unsigned)(asce & 3));
    add_if(&t, asce & ASCE_SUBSPACE_GROUP, "subspace group");
    add_if(&t, asce & ASCE_PRIVATE, "private");
    add_if(&t, asce & ASCE_STORAGE_ALTERATION, "storage-alteration events");
    add_if(&t, asce & ASCE_SPACE_SWITCH, "space-switch events");
    return buf;
}
