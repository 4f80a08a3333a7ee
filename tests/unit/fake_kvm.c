/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fake kernel's system calls: descriptors, mappings, capabilities, ioctls, and the records that tests
 * read. KVM_RUN is fake_run.c's. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "fake_kernel.h"

#define KVM_FD 1000
#define VM_FD 1001
#define VCPU_FD 1002
#define FLIC_FD 1003
#define MIB 0x100000ULL

struct fake_kvm kernel;

static bool fd_open[4];
static struct kvm_run *vcpu_run;
static uint64_t valid_regs;
static unsigned mmaps;

void kernel_check(bool condition, const char *text, int line)
{
    if (condition || kernel.failure)
        return;
    kernel.failure = text;
    kernel.failure_line = line;
}

void kernel_reset(void)
{
    kernel = (struct fake_kvm){.architecture = "s390x",
                               .linux_version = LINUX_VERSION(6, 12),
                               .api_version = KVM_API_VERSION,
                               .mmap_size = 0x4000,
                               .memory_available = UINT64_MAX,
                               .file_space = UINT64_MAX,
                               .multiple_epoch = true};
    kernel_run_reset();
    memset(fd_open, 0, sizeof fd_open);
    vcpu_run = NULL;
    mmaps = 0;
    valid_regs = 0;
}

static int fails(int error)
{
    errno = error;
    return -1;
}

/* ---- descriptors and mappings ---- */

static int take_fd(int fd)
{
    kernel_check(!fd_open[fd - KVM_FD], "opened once", __LINE__);
    fd_open[fd - KVM_FD] = true;
    kernel.open_fds++;
    return fd;
}

static int kernel_open(const char *path, int flags)
{
    (void)flags;
    kernel_check(strcmp(path, "/dev/kvm") == 0, "opens /dev/kvm", __LINE__);
    return kernel.open_errno ? fails(kernel.open_errno) : take_fd(KVM_FD);
}

static int kernel_close(int fd)
{
    if (fd < KVM_FD || fd > FLIC_FD || !fd_open[fd - KVM_FD]) {
        kernel_check(false, "closes what is open", __LINE__);
        return fails(EBADF);
    }
    fd_open[fd - KVM_FD] = false;
    kernel.open_fds--;
    return 0;
}

static void *kernel_mmap(void *addr, size_t length, int prot, int flags, int fd, long offset)
{
    void *at;

    if (++mmaps == kernel.fail_mmap) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    kernel_check(fd < KVM_FD || fd == VCPU_FD, "maps memory, a file or kvm_run", __LINE__);
    if (fd == VCPU_FD)
        flags = MAP_PRIVATE | MAP_ANONYMOUS;
    at = mmap(addr, length, prot, flags, fd < KVM_FD ? fd : -1, offset);
    if (at == MAP_FAILED)
        return at;
    kernel.mappings += !(flags & MAP_FIXED); /* which takes the place of another */
    if (fd == VCPU_FD) {
        vcpu_run = at;
        vcpu_run->kvm_valid_regs = valid_regs & ~kernel.no_sync;
    }
    return at;
}

static int kernel_munmap(void *addr, size_t length)
{
    kernel.mappings--;
    if (addr == vcpu_run)
        vcpu_run = NULL;
    return munmap(addr, length);
}

static int kernel_madvise(void *addr, size_t length, int advice)
{
    kernel.madvises++;
    kernel_check(addr == kernel.memory && length == kernel.size, "clears the guest's memory", __LINE__);
    return kernel.madvise_errno ? fails(kernel.madvise_errno) : madvise(addr, length, advice);
}

/* The file system's; it need not be able to. */
static int kernel_fallocate(int fd, int mode, off_t offset, off_t length)
{
    int error = mode & FALLOC_FL_ZERO_RANGE ? kernel.zero_range_errno : kernel.fallocate_errno;

    kernel.fallocates++;
    return error ? fails(error) : fallocate(fd, mode, offset, length);
}

static uint64_t kernel_memory_available(void)
{
    return kernel.memory_available;
}

static uint64_t kernel_file_space(int fd)
{
    (void)fd;
    return kernel.file_space;
}

static unsigned kernel_linux_version(void)
{
    return kernel.linux_version;
}

static const char *kernel_architecture(void)
{
    return kernel.architecture;
}

/* ---- ioctls but KVM_RUN ---- */

static bool has(long cap)
{
    for (unsigned i = 0; i < sizeof kernel.hidden / sizeof kernel.hidden[0] && kernel.hidden[i]; i++)
        if (kernel.hidden[i] == cap)
            return false;
    return true;
}

static int enable_cap(const struct kvm_enable_cap *cap)
{
    if (!has(cap->cap))
        return fails(EINVAL);
    if (cap->cap == KVM_CAP_S390_VECTOR_REGISTERS)
        valid_regs = (valid_regs & ~(uint64_t)KVM_SYNC_FPRS) | KVM_SYNC_VRS;
    if (cap->cap == KVM_CAP_S390_GS)
        valid_regs |= KVM_SYNC_GSCB;
    if (cap->cap == KVM_CAP_S390_RI)
        valid_regs |= KVM_SYNC_RICCB;
    if (cap->cap == KVM_CAP_S390_USER_INSTR0)
        kernel.instr0 = true;
    return 0;
}

static int create_vm(void)
{
    if (kernel.create_vm_errno)
        return fails(kernel.create_vm_errno);
    valid_regs = KVM_SYNC_PREFIX | KVM_SYNC_GPRS | KVM_SYNC_ACRS | KVM_SYNC_CRS | KVM_SYNC_ARCH0 |
                 KVM_SYNC_PFAULT | KVM_SYNC_FPRS | KVM_SYNC_BPBC | KVM_SYNC_ETOKEN | KVM_SYNC_DIAG318;
    return take_fd(VM_FD);
}

static int memory_slot(const struct kvm_userspace_memory_region *region)
{
    if (kernel.memory_slot_errno)
        return fails(kernel.memory_slot_errno);
    if (region->memory_size % MIB || region->userspace_addr % MIB || region->guest_phys_addr)
        return fails(EINVAL);
    kernel.memory = (uint8_t *)(uintptr_t)region->userspace_addr;
    kernel.size = region->memory_size;
    return 0;
}

static int device_attr(const struct kvm_device_attr *attr)
{
    struct kvm_s390_vm_cpu_processor *processor = (void *)(uintptr_t)attr->addr;

    if (attr->group == KVM_S390_VM_TOD)
        return kernel_tod(false, attr);
    if (attr->group != KVM_S390_VM_CPU_MODEL || attr->attr != KVM_S390_VM_CPU_PROCESSOR)
        return fails(ENXIO);
    memset(processor, 0, sizeof *processor);
    if (kernel.edat2)
        processor->fac_list[78 / 64] = 1ULL << (63 - 78 % 64);
    if (kernel.multiple_epoch)
        processor->fac_list[139 / 64] |= 1ULL << (63 - 139 % 64);
    return 0;
}

static int kvm_ioctl(unsigned long request, void *arg)
{
    switch (request) {
    case KVM_GET_API_VERSION:
        return kernel.api_version;
    case KVM_CHECK_EXTENSION:
        return has((long)(intptr_t)arg);
    case KVM_GET_VCPU_MMAP_SIZE:
        return kernel.mmap_size;
    case KVM_CREATE_VM:
        return create_vm();
    default:
        return fails(ENOTTY);
    }
}

static int create_device(struct kvm_create_device *device)
{
    if (device->type != KVM_DEV_TYPE_FLIC || !has(KVM_CAP_DEVICE_CTRL))
        return fails(ENODEV);
    device->fd = (uint32_t)take_fd(FLIC_FD);
    return 0;
}

static int pending_irqs(const struct kvm_device_attr *attr)
{
    struct kvm_s390_irq irq = {.type = KVM_S390_INT_SERVICE, .u.ext.ext_params = kernel.service};

    if (attr->attr < sizeof irq)
        return fails(EINVAL);
    kernel.flic_asked++;
    if (kernel.service)
        memcpy((void *)(uintptr_t)attr->addr, &irq, sizeof irq);
    return kernel.service ? 1 : 0;
}

static int flic_ioctl(unsigned long request, const struct kvm_device_attr *attr)
{
    if (request == KVM_GET_DEVICE_ATTR && attr->group == KVM_DEV_FLIC_GET_ALL_IRQS)
        return pending_irqs(attr);
    if (request != KVM_SET_DEVICE_ATTR || attr->group != KVM_DEV_FLIC_CLEAR_IRQS)
        return fails(EINVAL);
    kernel.vm_interrupts_cleared++;
    kernel.service = 0;
    return 0;
}

/* Linux arch/s390/kvm/interrupt.c, __inject_service(): one at a time; a second SCCB's is dropped, the flag of
 * a pending event is not. */
static void inject_service(uint32_t parameter)
{
    kernel.service |= parameter & 1;
    if (!(kernel.service & ~7u))
        kernel.service |= parameter & ~7u;
}

/* Linux arch/s390/kvm/kvm-s390.c, kvm_s390_get_skeys(). */
static int get_skeys(const struct kvm_s390_skeys *keys)
{
    if (!kernel.key)
        return KVM_S390_GET_SKEYS_NONE;
    if (keys->count != 1 || keys->flags || keys->start_gfn >= kernel.size >> 12)
        return fails(EINVAL);
    *(uint8_t *)(uintptr_t)keys->skeydata_addr = keys->start_gfn == kernel.key_page ? kernel.key : 0;
    return 0;
}

static int vm_ioctl(unsigned long request, void *arg)
{
    switch (request) {
    case KVM_S390_GET_SKEYS:
        return get_skeys(arg);
    case KVM_ENABLE_CAP:
        return enable_cap(arg);
    case KVM_SET_USER_MEMORY_REGION:
        return memory_slot(arg);
    case KVM_GET_DEVICE_ATTR:
        return device_attr(arg);
    case KVM_SET_DEVICE_ATTR:
        return kernel_tod(true, arg);
    case KVM_CREATE_VCPU:
        kernel_check(arg == NULL, "the first CPU has address 0", __LINE__);
        return kernel.create_vcpu_errno ? fails(kernel.create_vcpu_errno) : take_fd(VCPU_FD);
    case KVM_CREATE_DEVICE:
        return create_device(arg);
    case KVM_S390_SET_SKEYS:
        kernel.keys_set += (unsigned)((const struct kvm_s390_skeys *)arg)->count;
        return kernel.size ? 0 : fails(EFAULT);
    case KVM_S390_INTERRUPT:
        kernel.vm_interrupts++;
        kernel.interrupt = *(const struct kvm_s390_interrupt *)arg;
        if (kernel.interrupt_errno)
            return fails(kernel.interrupt_errno);
        if (kernel.interrupt.type == KVM_S390_INT_SERVICE)
            inject_service(kernel.interrupt.parm);
        return 0;
    default:
        return fails(ENOTTY);
    }
}

/* Linux arch/s390/kvm/kvm-s390.c, kvm_arch_vcpu_ioctl_set_guest_debug(), and guestdbg.c. */
static int set_guest_debug(const struct kvm_guest_debug *debug)
{
    uint32_t known = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP;

    kernel.debug_calls++;
    kernel.debug_pending = 0;
    kernel.debug_control = 0;
    kernel.nhw = 0;
    if (kernel.no_gper || debug->control & ~known)
        return fails(EINVAL);
    if (!(debug->control & KVM_GUESTDBG_ENABLE))
        return 0;
    kernel.debug_control = debug->control;
    if (!(debug->control & KVM_GUESTDBG_USE_HW_BP))
        return 0;
    if (debug->arch.nr_hw_bp == 0 || debug->arch.nr_hw_bp > KERNEL_HW_MAX)
        return fails(EINVAL);
    for (unsigned i = 0; i < debug->arch.nr_hw_bp; i++) {
        const struct kvm_hw_breakpoint *hw = &debug->arch.hw_bp[i];
        if (hw->type != KVM_HW_BP && (hw->type != KVM_HW_WP_WRITE || hw->len == 0 || hw->len > 100))
            return fails(EINVAL);
        if (hw->type == KVM_HW_WP_WRITE && hw->phys_addr + hw->len > kernel.size)
            return fails(EFAULT);
        kernel.hw[i] = *hw;
    }
    kernel.nhw = debug->arch.nr_hw_bp;
    kernel_watch_copy();
    return 0;
}

/* One machine check that is of no interest here, then the program interruption if there is one. */
static int irq_state(const struct kvm_s390_irq_state *state)
{
    struct kvm_s390_irq *irqs = (void *)(uintptr_t)state->buf;
    unsigned n = kernel.program_pending ? 2 : 1;

    if (!has(KVM_CAP_S390_IRQ_STATE) || state->flags)
        return fails(EINVAL);
    if (state->len < n * sizeof *irqs)
        return fails(ENOBUFS);
    memset(irqs, 0, n * sizeof *irqs);
    irqs[0].type = KVM_S390_MCHK;
    if (kernel.program_pending) {
        irqs[1].type = KVM_S390_PROGRAM_INT;
        irqs[1].u.pgm.code = kernel.program_code;
    }
    return (int)(n * sizeof *irqs);
}

/* What the kernel's reset does to kvm_run: some of it is left stale. */
static void initial_reset(void)
{
    kernel.initial_resets++;
    kernel.program_pending = kernel.external_pending = kernel.restart_pending = false;
    kernel.debug_pending = 0;
    vcpu_run->psw_mask = vcpu_run->psw_addr = 0;
    memset(vcpu_run->s.regs.crs, 0, sizeof vcpu_run->s.regs.crs);
    vcpu_run->s.regs.crs[0] = 0xe0;
    vcpu_run->s.regs.crs[14] = 0xc2000000;
    memcpy(kernel_guest.crs, vcpu_run->s.regs.crs, sizeof kernel_guest.crs);
    vcpu_run->s.regs.ckc = vcpu_run->s.regs.cputm = vcpu_run->s.regs.pp = 0;
    vcpu_run->s.regs.gbea = 1;
    kernel_guest.ckc = kernel_guest.cputm = kernel_guest.pp = kernel_guest.todpr = kernel_guest.bpbc = 0;
    kernel_guest.gbea = 1;
    kernel_guest.prefix = 0;
    kernel_guest.pft = UINT64_MAX;
}

static int vcpu_ioctl(unsigned long request, void *arg)
{
    kernel.vcpu_ioctls++;
    switch (request) {
    case KVM_RUN:
        return kernel_enter(vcpu_run);
    case KVM_SET_GUEST_DEBUG:
        return set_guest_debug(arg);
    case KVM_S390_INITIAL_RESET:
        initial_reset();
        return 0;
    case KVM_S390_NORMAL_RESET:
        kernel.program_pending = kernel.external_pending = kernel.restart_pending = false;
        return has(KVM_CAP_S390_VCPU_RESETS) ? 0 : fails(EINVAL);
    case KVM_S390_CLEAR_RESET:
        kernel.clear_resets++;
        return has(KVM_CAP_S390_VCPU_RESETS) ? 0 : fails(EINVAL);
    case KVM_SET_MP_STATE:
        return kernel.mp_state_errno ? fails(kernel.mp_state_errno) : 0;
    case KVM_S390_GET_IRQ_STATE:
        return irq_state(arg);
    case KVM_S390_IRQ:
        kernel.vcpu_interrupts++;
        kernel.irq = *(const struct kvm_s390_irq *)arg;
        return kernel.interrupt_errno ? fails(kernel.interrupt_errno) : 0;
    case KVM_S390_INTERRUPT:
        kernel.vcpu_interrupts++;
        kernel.interrupt = *(const struct kvm_s390_interrupt *)arg;
        if (kernel.interrupt_errno)
            return fails(kernel.interrupt_errno);
        if (kernel.interrupt.type == KVM_S390_RESTART)
            kernel.restart_pending = true;
        return 0;
    default:
        return fails(ENOTTY);
    }
}

static int kernel_ioctl(int fd, unsigned long request, void *arg)
{
    kernel_check(fd >= KVM_FD && fd <= FLIC_FD && fd_open[fd - KVM_FD], "ioctl of an open descriptor",
                 __LINE__);
    if (fd == KVM_FD)
        return kvm_ioctl(request, arg);
    if (fd == FLIC_FD)
        return flic_ioctl(request, arg);
    return fd == VM_FD ? vm_ioctl(request, arg) : vcpu_ioctl(request, arg);
}

static uint64_t kernel_clock(void)
{
    return kernel.now;
}

static int kernel_set_timer(timer_t timer, uint64_t nanoseconds)
{
    (void)timer;
    kernel.timer = nanoseconds;
    return 0;
}

static size_t kernel_page_map(const void *page, size_t n, uint64_t *entries)
{
    return kernel.page_map ? kernel.page_map(page, n, entries) : 0;
}

const struct kvm_system kernel_system = {
    .open = kernel_open,
    .close = kernel_close,
    .ioctl = kernel_ioctl,
    .mmap = kernel_mmap,
    .munmap = kernel_munmap,
    .madvise = kernel_madvise,
    .fallocate = kernel_fallocate,
    .architecture = kernel_architecture,
    .linux_version = kernel_linux_version,
    .memory_available = kernel_memory_available,
    .file_space = kernel_file_space,
    .page_map = kernel_page_map,
    .clock = kernel_clock,
    .raw_clock = kernel_clock,
    .set_timer = kernel_set_timer,
};
