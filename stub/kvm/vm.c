/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest as a whole: opening KVM and refusing what cannot work, memory, creation of the CPUs, and end.
 * What a CPU does while it runs is not here, and resets are in reset.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"
#include "zgdbd/bytes.h"

#define MIB 0x100000ULL

static int vm_ioctl(struct kvm_machine *m, int fd, unsigned long request, void *arg)
{
    return m->sys->ioctl(fd, request, arg);
}

static int capability(struct kvm_machine *m, long cap)
{
    return vm_ioctl(m, m->kvm_fd, KVM_CHECK_EXTENSION, (void *)cap);
}

static bool enable(struct kvm_machine *m, uint32_t cap)
{
    struct kvm_enable_cap enable_cap = {.cap = cap};

    return vm_ioctl(m, m->vm_fd, KVM_ENABLE_CAP, &enable_cap) == 0;
}

static int open_kvm(struct kvm_machine *m, struct err *e)
{
    const char *arch = m->sys->architecture();

    if (strcmp(arch, "s390x") != 0)
        return err_set(e, EXIT_NO_KVM,
                       "this machine is %s: guests run through KVM on s390x hosts only (`make demo` and "
                       "`scripts/box` bring one up in an emulator)",
                       arch);
    m->kvm_fd = m->sys->open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (m->kvm_fd < 0 && (errno == EACCES || errno == EPERM))
        return err_set(e, EXIT_NO_KVM, "cannot open /dev/kvm: %s; run as a member of group kvm or as root",
                       strerror(errno));
    if (m->kvm_fd < 0)
        return err_set(
            e, EXIT_NO_KVM,
            "cannot open /dev/kvm: %s; load the module kvm (`modprobe kvm`), and in an LPAR or z/VM "
            "guest see that SIE is available",
            strerror(errno));
    if (vm_ioctl(m, m->kvm_fd, KVM_GET_API_VERSION, NULL) != KVM_API_VERSION)
        return err_set(e, EXIT_NO_KVM, "/dev/kvm speaks another API version than %d; update the kernel",
                       KVM_API_VERSION);
    if (capability(m, KVM_CAP_S390_PSW) <= 0)
        return err_set(e, EXIT_NO_KVM,
                       "/dev/kvm lacks KVM_CAP_S390_PSW: this kernel does not show the PSW of a guest "
                       "after every exit, which a debugger needs; use Linux 2.6.33 or newer");
    m->suppresses = capability(m, KVM_CAP_S390_COW) > 0;
    return 0;
}

static int create_vm(struct kvm_machine *m, struct err *e)
{
    m->vm_fd = vm_ioctl(m, m->kvm_fd, KVM_CREATE_VM, NULL);
    if (m->vm_fd >= 0)
        return 0;
    if (errno == EINVAL)
        return err_set(e, EXIT_NO_KVM,
                       "KVM_CREATE_VM: %s: this process has page tables without pgste; link zgdbd with "
                       "-Wl,--s390-pgste (the Makefile does) or set `sysctl vm.allocate_pgste=1`",
                       strerror(errno));
    return err_set(e, EXIT_NO_KVM, "KVM_CREATE_VM: %s; see the kernel's log (dmesg)", strerror(errno));
}

static int give_memory(struct kvm_machine *m, struct err *e)
{
    uint64_t size = m->memory.size;
    struct kvm_userspace_memory_region region = {.memory_size = size,
                                                 .userspace_addr = (uintptr_t)m->memory.base};

    if (vm_ioctl(m, m->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return err_set(e, EXIT_OTHER,
                       "KVM does not accept %llu MiB of guest memory: %s; choose less with --memory",
                       (unsigned long long)(size / MIB), strerror(errno));
    return 0;
}

/* Linux 6.10 and later map a page of zeros, protected, where a page of the guest is read first. A host that
 * does not suppress hands the guest a protection exception for the store that follows. A process whose guest
 * uses storage keys gets no such pages, and setting one is using them: that of the first page, which is 0
 * anyhow. Where that fails the guest's memory is what it would have been. The keys cost time: a kernel that
 * needs none gets none. */
static void forbid_protected_pages(struct kvm_machine *m)
{
    uint8_t key = 0;
    struct kvm_s390_skeys keys = {.count = 1, .skeydata_addr = (uintptr_t)&key};

    if (!m->suppresses && m->sys->linux_version() >= LINUX_VERSION(6, 10))
        vm_ioctl(m, m->vm_fd, KVM_S390_SET_SKEYS, &keys);
}

/* Takes floating interruptions back and tells which are pending; a kernel without it lets them wait across a
 * reset, and the service-call processor is never busy. */
static void create_interrupt_controller(struct kvm_machine *m)
{
    struct kvm_create_device flic = {.type = KVM_DEV_TYPE_FLIC};

    if (vm_ioctl(m, m->vm_fd, KVM_CREATE_DEVICE, &flic) == 0)
        m->flic_fd = (int)flic.fd;
}

static bool has_facility(const struct kvm_s390_vm_cpu_processor *processor, unsigned number)
{
    return processor->fac_list[number / 64] >> (63 - number % 64) & 1;
}

/* What the guest's CPUs have, asked once: facility 78 (EDAT-2), for translation, 139 (multiple epoch),
 * for the TOD clock, and 140 (extended-length SCCB), which Linux then uses. */
static void read_facilities(struct kvm_machine *m)
{
    struct kvm_s390_vm_cpu_processor processor;
    struct kvm_device_attr attr = {
        .group = KVM_S390_VM_CPU_MODEL, .attr = KVM_S390_VM_CPU_PROCESSOR, .addr = (uintptr_t)&processor};

    memset(&processor, 0, sizeof processor);
    if (vm_ioctl(m, m->vm_fd, KVM_GET_DEVICE_ATTR, &attr) < 0)
        return;
    m->edat2 = has_facility(&processor, 78);
    m->multiple_epoch = has_facility(&processor, 139);
    m->sclp.config.extended_sccb = has_facility(&processor, 140);
}

static int create_vcpu(struct kvm_machine *m, unsigned id, struct err *e)
{
    struct vcpu *cpu = &m->cpu[id];
    int size = vm_ioctl(m, m->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
    void *run;

    cpu->m = m;
    cpu->id = id;
    cpu->fd = vm_ioctl(m, m->vm_fd, KVM_CREATE_VCPU, (void *)(uintptr_t)id);
    if (cpu->fd < 0)
        return err_set(e, EXIT_NO_KVM, "KVM_CREATE_VCPU %u: %s; see the kernel's log (dmesg)", id,
                       strerror(errno));
    if (size < (int)sizeof *cpu->run)
        return err_set(e, EXIT_NO_KVM, "KVM_GET_VCPU_MMAP_SIZE says %d, too small for struct kvm_run", size);
    run = m->sys->mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
    if (run == MAP_FAILED)
        return err_set(e, EXIT_NO_KVM, "cannot map kvm_run of CPU %u: %s", id, strerror(errno));
    cpu->run = run;
    cpu->run_size = (size_t)size;
    registers_find(cpu);
    return 0;
}

static enum cpu_state op_state(struct machine *machine, unsigned id)
{
    const struct vcpu *cpu = &to_kvm(machine)->cpu[id];

    if (cpu->stopped)
        return CPU_STOPPED;
    if (psw_disabled_wait(cpu->run->psw_mask))
        return CPU_DISABLED_WAIT;
    return psw_enabled_wait(cpu->run->psw_mask) ? CPU_WAITING : CPU_RUNNING;
}

static void op_destroy(struct machine *machine)
{
    struct kvm_machine *m = to_kvm(machine);

    vcpu_end_all(m);
    for (unsigned i = 0; i < m->base.ncpus; i++) {
        struct vcpu *cpu = &m->cpu[i];
        if (cpu->run)
            m->sys->munmap(cpu->run, cpu->run_size);
        if (cpu->fd >= 0)
            m->sys->close(cpu->fd);
    }
    if (m->flic_fd >= 0)
        m->sys->close(m->flic_fd);
    if (m->vm_fd >= 0)
        m->sys->close(m->vm_fd);
    if (m->kvm_fd >= 0)
        m->sys->close(m->kvm_fd);
    storage_unmap(m);
    sclp_destroy(&m->sclp);
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->watch_lock);
    pthread_mutex_destroy(&m->service_lock);
    pthread_cond_destroy(&m->gate);
    breakpoints_free(&m->applied);
    trace_ring_free(&m->trace);
    free(m->append);
    free(m);
}

static const struct machine_ops kvm_ops = {
    .destroy = op_destroy,
    .resume = vcpu_resume_all,
    .interrupt = vcpu_interrupt_all,
    .next_stop = vcpu_next_stop,
    .state = op_state,
    .read_reg = registers_read,
    .write_reg = registers_write,
    .read_memory = memory_read,
    .look = storage_look,
    .write_memory = memory_write,
    .check_breakpoints = breakpoints_check,
    .check_breakpoint = breakpoint_check,
    .breakpoint_held = breakpoint_held,
    .reset = reset_machine,
    .signal = signals_send,
    .counters = exit_counters,
    .inject = inject_interruption,
    .per = per_get,
    .set = settings_set,
    .get = settings_get,
    .dat_context = memory_dat_context,
    .storage_key = keys_read,
    .trace = trace_switch,
    .trace_read = trace_read,
};

static void find_capabilities(struct kvm_machine *m)
{
    m->base.caps = MACHINE_CAN_SW_BREAK | MACHINE_CAN_WRITE | MACHINE_CAN_RUN;
    if (debug_available(&m->cpu[0]))
        m->base.caps |= MACHINE_CAN_STEP | MACHINE_CAN_HW_BREAK;
    else
        m->base.notice =
            "this host has no guest debugging (KVM_SET_GUEST_DEBUG with GPERE): stepping, hardware "
            "breakpoints and watchpoints are unavailable";
    m->irq_state = capability(m, KVM_CAP_S390_IRQ_STATE) > 0;
    m->base.reg_features = registers_features(&m->cpu[0]);
    m->base.memory = m->memory.size;
}

/* The image is loaded first: KVM_CREATE_VM takes large pages from this process, and filling small ones is
 * five times as slow. The rest is in the kernel's order: VM capabilities before vcpus, the PSW after the
 * reset. */
static int bring_up(struct kvm_machine *m, struct err *e)
{
    if (open_kvm(m, e) < 0 || storage_map(m, e) < 0 || reset_load(m, true, e) < 0 || create_vm(m, e) < 0 ||
        give_memory(m, e) < 0)
        return -1;
    forbid_protected_pages(m);
    enable(m, KVM_CAP_S390_VECTOR_REGISTERS);
    enable(m, KVM_CAP_S390_GS);
    enable(m, KVM_CAP_S390_RI);
    enable(m, KVM_CAP_S390_USER_SIGP);
    m->instr0 = enable(m, KVM_CAP_S390_USER_INSTR0);
    m->clear_reset = capability(m, KVM_CAP_S390_VCPU_RESETS) > 0;
    create_interrupt_controller(m);
    read_facilities(m);
    for (unsigned i = 0; i < m->base.ncpus; i++)
        if (create_vcpu(m, i, e) < 0)
            return -1;
    if (reset_power_on(m, e) < 0)
        return -1;
    find_capabilities(m);
    reset_start(m);
    tod_hold(m);
    for (unsigned i = 0; i < m->base.ncpus; i++)
        if (vcpu_start(&m->cpu[i], e) < 0)
            return -1;
    return 0;
}

static void init_locks(struct kvm_machine *m)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&m->lock, NULL);
    pthread_mutex_init(&m->watch_lock, NULL);
    pthread_mutex_init(&m->service_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->gate, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct machine *kvm_create(const struct kvm_config *config, struct err *e)
{
    struct kvm_machine *m = calloc(1, sizeof *m);

    if (!m || (config->ipl.append && !(m->append = strdup(config->ipl.append)))) {
        free(m);
        err_set(e, EXIT_OTHER, "no memory for the machine's own state");
        return NULL;
    }
    m->base.ops = &kvm_ops;
    m->base.ncpus = config->ncpus < 1 ? 1 : config->ncpus > KVM_CPUS_MAX ? KVM_CPUS_MAX : config->ncpus;
    m->sys = config->system;
    m->config = *config;
    m->kvm_fd = m->vm_fd = m->flic_fd = m->storage.fd = -1;
    for (unsigned i = 0; i < KVM_CPUS_MAX; i++)
        m->cpu[i].fd = -1;
    init_locks(m);
    sclp_init(&m->sclp, &(struct sclp_config){.ncpus = m->base.ncpus,
                                              .consoles = config->consoles,
                                              .write = console_write,
                                              .write_ctx = config->console,
                                              .read = config->input ? console_take : NULL,
                                              .read_ctx = config->input});
    if (bring_up(m, e) < 0) {
        op_destroy(&m->base);
        return NULL;
    }
    return &m->base;
}
