/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of engines. KVM's is for s390x alone: where it is missing, its place says so. */
#include <stddef.h>

#include "zgdbd/core.h"
#include "zgdbd/engines.h"
#include "zgdbd/kvm.h"

struct engine {
    bool (*wanted)(const struct options *o);
    struct machine *(*create)(const struct engine_setup *setup, struct err *e);
};

/* ---- dumps ---- */

static bool wants_core(const struct options *o)
{
    return o->core != NULL;
}

static struct machine *create_core(const struct engine_setup *setup, struct err *e)
{
    return core_open(setup->options->core, e);
}

/* ---- KVM ---- */

static bool wants_kvm(const struct options *o)
{
    return o->image != NULL;
}

#ifndef ZGDBD_NO_KVM
static struct machine *create_kvm(const struct engine_setup *setup, struct err *e)
{
    const struct options *o = setup->options;
    struct kvm_config config = {
        .memory = o->memory,
        .ncpus = o->cpus,
        .memory_file = o->memory_file,
        .ipl = {.image = o->image,
                .initrd = o->initrd,
                .append = o->append,
                .flat = o->flat,
                .load_address = o->load_address,
                .has_entry = o->has_entry,
                .entry = o->entry,
                .has_psw = o->has_psw,
                .psw = o->psw,
                .nextras = o->nextras,
                .extras = o->extras},
        .consoles = o->console_type,
        .console = setup->console,
        .input = setup->input,
        .events = setup->events,
        .system = &kvm_host,
    };
    struct machine *m = kvm_create(&config, e);

    if (!m || machine_set(m, MACHINE_TOD_RUNS, o->tod_runs, e) == 0)
        return m;
    machine_destroy(m);
    return NULL;
}
#else
static struct machine *create_kvm(const struct engine_setup *setup, struct err *e)
{
    (void)setup;
    err_set(e, EXIT_NO_KVM,
            "this zgdbd was built for " ZGDBD_NO_KVM
            ": it can only look at dumps (--core FILE); guests need an "
            "s390x machine with KVM");
    return NULL;
}
#endif

static const struct engine engines[] = {
    {wants_core, create_core},
    {wants_kvm, create_kvm},
};

struct machine *engine_create(const struct engine_setup *setup, struct err *e)
{
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (engines[i].wanted(setup->options))
            return engines[i].create(setup, e);
    err_set(e, EXIT_USAGE, "no IMAGE was given");
    return NULL;
}
