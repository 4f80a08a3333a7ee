/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor` commands about the tasks of a Linux guest: the list, whether gdb has them as threads, and where
 * they are in the kernel's structures, which a debugger with its debug file knows. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "monitor.h"

#define BLANKS " \t"

/* ---- monitor ps ---- */

/* As ps has it, tasks of the kernel stand in brackets. */
static void put_task(const struct session *s, const struct linux_task *task, struct text *out)
{
    char cpu[16] = "-";
    if (task->last_cpu >= 0)
        snprintf(cpu, sizeof cpu, "%d", task->last_cpu);
    put(out, "%c %7d %7d %c %3s %s%s%s\n", task->cpu >= 0 ? '*' : ' ', task->pid, task->tgid,
        linux_task_letter(s->target->linux_guest, task), cpu, task->kernel ? "[" : "", task->comm,
        task->kernel ? "]" : "");
}

static void put_lack(const char *lack, struct text *out)
{
    if (lack)
        put(out, "Tasks may be missing: %s.\n", lack);
}

/* All tasks; false, and the user is told why, if they are not known. */
static bool take_tasks(const struct session *s, const struct linux_task **list, size_t *n, struct text *out)
{
    struct err e;
    if (linux_tasks(s->target->linux_guest, list, n, &e) == 0)
        return true;
    put(out, "The guest's tasks cannot be shown: %s.\n", e.text);
    return false;
}

bool take_task(const struct session *s, uint64_t pid, const struct linux_task **task, struct text *out)
{
    const struct linux_task *list;
    size_t n;
    if (!take_tasks(s, &list, &n, out))
        return false;
    for (size_t i = 0; i < n; i++)
        if ((uint64_t)list[i].pid == pid) {
            *task = &list[i];
            return true;
        }
    put(out, "The guest has no task with pid %llu; `monitor ps` lists them.\n", (unsigned long long)pid);
    return false;
}

bool mon_ps(struct session *s, const char *args, struct text *out)
{
    const struct linux_task *list;
    size_t n;
    if (!take_tasks(s, &list, &n, out))
        return true;
    put(out, "      PID    TGID S CPU NAME\n");
    for (size_t i = 0; i < n; i++)
        if (strstr(list[i].comm, args))
            put_task(s, &list[i], out);
    put_lack(linux_tasks_lack(s->target->linux_guest), out);
    return true;
}

/* ---- monitor threads ---- */

static void put_tasks_state(struct session *s, struct text *out)
{
    const struct linux_task *list;
    struct err e;
    size_t n;
    if (s->target->non_stop)
        put(out, "In non-stop gdb's threads are the CPUs alone.\n");
    else if (linux_tasks(s->target->linux_guest, &list, &n, &e))
        put(out, "There are only CPUs: %s.\n", e.text);
    else
        put(out, "The guest has %zu tasks; thread 1.N of gdb's names is the one with pid N - %d.\n", n,
            TASK_TID);
}

bool mon_threads(struct session *s, const char *args, struct text *out)
{
    bool tasks = strcmp(args, "tasks") == 0;
    if (*args && !tasks && strcmp(args, "cpus") != 0)
        return false;
    if (*args)
        s->target->shows_tasks = tasks;
    if (!s->target->shows_tasks) {
        put(out, "gdb's threads are the CPUs.\n");
        return true;
    }
    put(out, "gdb's threads are the CPUs and, of a Linux guest, the tasks that no CPU runs.\n");
    put_tasks_state(s, out);
    return true;
}

/* ---- monitor task-layout ---- */

enum layout_need {
    NEEDED,
    HAS_STATE,
    HAS_CPU,
    HAS_CURRENT,
};

static const struct layout_key {
    const char *name;
    enum layout_need need;
    size_t at; /* in struct linux_task_layout: a uint32_t */
} keys[] = {
    {"tasks", NEEDED, offsetof(struct linux_task_layout, tasks)},
    {"pid", NEEDED, offsetof(struct linux_task_layout, pid)},
    {"tgid", NEEDED, offsetof(struct linux_task_layout, tgid)},
    {"comm", NEEDED, offsetof(struct linux_task_layout, comm)},
    {"stack", NEEDED, offsetof(struct linux_task_layout, stack)},
    {"mm", NEEDED, offsetof(struct linux_task_layout, mm)},
    {"thread_ksp", NEEDED, offsetof(struct linux_task_layout, thread_ksp)},
    {"thread_node", NEEDED, offsetof(struct linux_task_layout, thread_node)},
    {"signal", NEEDED, offsetof(struct linux_task_layout, signal)},
    {"thread_head", NEEDED, offsetof(struct linux_task_layout, thread_head)},
    {"state", HAS_STATE, offsetof(struct linux_task_layout, state)},
    {"cpu", HAS_CPU, offsetof(struct linux_task_layout, cpu)},
    {"current", HAS_CURRENT, offsetof(struct linux_task_layout, current)},
};

#define NKEYS (sizeof keys / sizeof *keys)

static uint32_t *layout_field(struct linux_task_layout *l, const struct layout_key *key)
{
    return (uint32_t *)((char *)l + key->at);
}

static bool *layout_flag(struct linux_task_layout *l, enum layout_need need)
{
    switch (need) {
    case HAS_STATE:
        return &l->has_state;
    case HAS_CPU:
        return &l->has_cpu;
    case HAS_CURRENT:
        return &l->has_current;
    case NEEDED:
        break;
    }
    return NULL;
}

/* The key in front of a '=', or NULL. */
static const struct layout_key *find_key(const char *word, size_t len)
{
    for (size_t i = 0; i < NKEYS; i++)
        if (strlen(keys[i].name) == len && strncmp(keys[i].name, word, len) == 0)
            return &keys[i];
    return NULL;
}

/* One KEY=NUMBER; `given` gets the key's bit. False, and the user is told, if it is none. */
static bool take_key(const char *word, size_t len, struct linux_task_layout *l, unsigned *given,
                     struct text *out)
{
    const char *equals = memchr(word, '=', len);
    const struct layout_key *key = equals ? find_key(word, (size_t)(equals - word)) : NULL;
    uint64_t value;
    bool *flag;
    if (!key || !word_is_number(equals + 1, len - (size_t)(equals + 1 - word), &value) ||
        value >= LINUX_STRUCT_MAX) {
        put(out, "\"%.*s\" is no place of a member; nothing is changed.\n", len < 64 ? (int)len : 64, word);
        return false;
    }
    *layout_field(l, key) = (uint32_t)value;
    flag = layout_flag(l, key->need);
    if (flag)
        *flag = true;
    *given |= 1u << (key - keys);
    return true;
}

static bool take_layout(const char *args, struct linux_task_layout *l, struct text *out)
{
    unsigned given = 0;
    while (*args) {
        size_t len = strcspn(args, BLANKS);
        if (!take_key(args, len, l, &given, out))
            return false;
        args += len + strspn(args + len, BLANKS);
    }
    for (size_t i = 0; i < NKEYS; i++)
        if (keys[i].need == NEEDED && !(given & 1u << i)) {
            put(out, "%s is missing; nothing is changed.\n", keys[i].name);
            return false;
        }
    return true;
}

static void put_layout(struct linux_guest *g, struct text *out)
{
    struct err e;
    const struct linux_task_layout *l = linux_task_layout(g, &e);
    if (!l) {
        put(out, "None: %s.\n", e.text);
        return;
    }
    struct linux_task_layout copy = *l;
    for (size_t i = 0; i < NKEYS; i++) {
        const bool *flag = layout_flag(&copy, keys[i].need);
        if (!flag || *flag)
            put(out, "%s=%u ", keys[i].name, *layout_field(&copy, &keys[i]));
    }
    put(out, "(from %s)\n", l->from);
}

bool mon_task_layout(struct session *s, const char *args, struct text *out)
{
    struct linux_task_layout l = {.from = "the debugger"};
    if (*args && !take_layout(args, &l, out))
        return true;
    if (*args)
        linux_task_layout_set(s->target->linux_guest, &l);
    put_layout(s->target->linux_guest, out);
    return true;
}
