/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Startup and handlers of every guest. Sets the new PSWs in the lowcore and a stack, turns additional floating-point
 * registers on and calls guest_main; a return from it is an orderly shutdown. Symbols:
 *   _start                 first instruction
 *   pgm_handler            program interruptions: keeps pgm_code, pgm_old (PSW), counts pgm_count and resumes behind the
 *                          instruction; exceptions that nullify it end in a disabled wait at pgm_stuck
 *   svc_handler            counts svc_count, resumes
 *   ext_handler            keeps ext_code, counts ext_count, ends an enabled wait and disables external interruptions
 *   sclp_call              r2 command, r3 SCCB: service call at sclp_servc (next instruction sclp_after), then waits
 *                          for the service signal
 *   sclp_open              tells the SCLP that VT220 output will come
 *   shutdown, shutdown_psw disabled wait at 0xfff
 *   unexpected             disabled wait: machine check, I/O, restart
 *   run_in                 long run_in(mask, address, argument): calls address with this PSW mask, DAT off afterwards
 *   stack_top              initial r15 + 160 */

        .equ save_area, 0x400           /* lowcore: r0 and r1 of a handler */
        .equ cr0_base, 0x40000          /* additional floating-point registers */
        .equ cr0_service_signal, 0x200

        .cfi_sections .debug_frame
        .section .start, "ax"
        .globl _start
        .cfi_startproc
        .cfi_undefined %r14             /* nobody called: a backtrace ends here */
_start: larl    %r15, stack_top
        aghi    %r15, -160
        larl    %r1, new_psws
        mvc     0x1a0(96,%r0), 0(%r1)
        larl    %r1, cr0_plain
        lctlg   %c0, %c0, 0(%r1)
        brasl   %r14, guest_main
        .globl shutdown
shutdown:
        larl    %r1, shutdown_psw
        lpswe   0(%r1)
        .cfi_endproc

        .globl pgm_handler, pgm_stuck
pgm_handler:
        stmg    %r0, %r1, save_area
        lgrl    %r1, pgm_count
        aghi    %r1, 1
        stgrl   %r1, pgm_count
        larl    %r1, pgm_old
        mvc     0(16,%r1), 0x150(%r0)
        larl    %r1, pgm_code
        mvc     6(2,%r1), 0x8e(%r0)
        lmg     %r0, %r1, save_area
        tm      0x8f, 0x70              /* 0x10 and above: translation */
        jnz     1f
        lpswe   0x150
1:      larl    %r1, stuck_psw
        lpswe   0(%r1)
pgm_stuck:
        j       pgm_stuck

        .globl svc_handler
svc_handler:
        stg     %r1, save_area
        lgrl    %r1, svc_count
        aghi    %r1, 1
        stgrl   %r1, svc_count
        lg      %r1, save_area
        lpswe   0x140

        .globl ext_handler
ext_handler:
        stmg    %r0, %r1, save_area
        lgrl    %r1, ext_count
        aghi    %r1, 1
        stgrl   %r1, ext_count
        llgh    %r0, 0x86
        stgrl   %r0, ext_code
        ni      0x130(%r0), 0xfe        /* E off */
        ni      0x131(%r0), 0xfd        /* W off */
        lmg     %r0, %r1, save_area
        lpswe   0x130

        .globl unexpected
unexpected:
        larl    %r1, unexpected_psw
        lpswe   0(%r1)

        .globl sclp_call, sclp_servc, sclp_after
sclp_call:
        larl    %r1, cr0_signal
        lctlg   %c0, %c0, 0(%r1)
sclp_servc:
        .insn   rre, 0xb2200000, %r2, %r3
sclp_after:
        brc     2, sclp_servc           /* busy */
        brc     1, sclp_done            /* no SCLP */
        larl    %r1, sclp_wait_psw
        lpswe   0(%r1)
sclp_done:
        larl    %r1, cr0_plain
        lctlg   %c0, %c0, 0(%r1)
        br      %r14

        .globl sclp_open
sclp_open:
        iilf    %r2, 0x00780005
        larl    %r3, sccb_mask
        j       sclp_call

        .globl run_in
run_in: stmg    %r6, %r15, 48(%r15)
        aghi    %r15, -176
        stmg    %r2, %r3, 160(%r15)
        lgr     %r2, %r4
        larl    %r14, 1f
        lpswe   160(%r15)
1:      larl    %r1, run_in_psw
        lpswe   0(%r1)
run_in_real:
        lmg     %r6, %r15, 176+48(%r15)
        br      %r14

        .data
        .balign 8
new_psws:
        .quad   0x0000000180000000, unexpected
        .quad   0x0000000180000000, ext_handler
        .quad   0x0000000180000000, svc_handler
        .quad   0x0000000180000000, pgm_handler
        .quad   0x0000000180000000, unexpected
        .quad   0x0000000180000000, unexpected
        .globl shutdown_psw
shutdown_psw:
        .quad   0x0002000180000000, 0xfff
stuck_psw:
        .quad   0x0002000180000000, pgm_stuck
unexpected_psw:
        .quad   0x0002000180000000, unexpected
sclp_wait_psw:
        .quad   0x0102000180000000, sclp_done
run_in_psw:
        .quad   0x0000000180000000, run_in_real
cr0_plain:
        .quad   cr0_base
cr0_signal:
        .quad   cr0_base + cr0_service_signal

        .globl pgm_count, pgm_code, pgm_old, svc_count, ext_count, ext_code
pgm_count:
        .quad   0
pgm_code:
        .quad   0
pgm_old:
        .quad   0, 0
svc_count:
        .quad   0
ext_count:
        .quad   0
ext_code:
        .quad   0

        .balign 64
sccb_mask:                              /* WRITE EVENT MASK: we send VT220 (type 0x1a) */
        .short  28
        .byte   0, 0, 0, 0
        .short  0
        .short  0, 4
        .long   0, 0x40, 0, 0

        .bss
        .balign 4096
        .skip   8192
        .globl stack_top
stack_top:
        .skip   8
