/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one DIAGNOSE 0x501 in a throw-away KVM guest on every CPU of the box. Until an
 * instruction has set the guest's instruction-length code, Hercules 3.13 guesses it for a PER
 * event and leaves the PSW two bytes too far; one such instruction cures that until Hercules
 * ends. Also the proof that /dev/kvm works, so the box is not called ready without it.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1UL << 20)
#define CODE_AT 0x2000
#define PSW_64BIT 0x0000000180000000UL

static const unsigned char diag_501[] = {0x83, 0x24, 0x05, 0x01};

/* Guest memory must start at a segment boundary, hence the spare mebibyte. */
static unsigned char *guest_memory(void)
{
    unsigned char *m = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (m == MAP_FAILED)
        err(1, "mmap of guest memory");
    m = (unsigned char *)(((uintptr_t)m + MIB - 1) & ~(MIB - 1));
    memcpy(m + CODE_AT, diag_501, sizeof(diag_501));
    return m;
}

static void must(int rc, const char *what)
{
    if (rc < 0)
        err(1, "%s", what);
}

static void prime_here(unsigned char *memory)
{
    struct kvm_userspace_memory_region region = {
        .memory_size = MIB,
        .userspace_addr = (uintptr_t)memory,
    };
    struct kvm_mp_state operating = {.mp_state = KVM_MP_STATE_OPERATING};
    struct kvm_run *run;
    int kvm, vm, vcpu, size;

    must(kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), "open /dev/kvm");
    must(vm = ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    must(vcpu = ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    must(size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (run == MAP_FAILED)
        err(1, "mmap of kvm_run");
    must(ioctl(vcpu, KVM_S390_INITIAL_RESET, 0), "KVM_S390_INITIAL_RESET");
    must(ioctl(vcpu, KVM_SET_MP_STATE, &operating), "KVM_SET_MP_STATE");
    run->psw_mask = PSW_64BIT;
    run->psw_addr = CODE_AT;
    must(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    munmap(run, (size_t)size);
    close(vcpu);
    close(vm);
    close(kvm);
}

int main(void)
{
    unsigned char *memory = guest_memory();
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    for (long i = 0; i < cpus; i++) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET((size_t)i, &set);
        must(sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
        prime_here(memory);
    }
    return 0;
}
