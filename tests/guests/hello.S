/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes one line to the console through the SCLP and ends: by an orderly shutdown (hello), by a disabled wait at
 * panic_here (panic, built with END_panic), or by DIAG 0x308 subcode 3, load clear (reboot, END_reboot). Symbols:
 * guest_main, ending (the line is out), panic_here, reset_here. */

        .text
        .globl guest_main, ending, panic_here, reset_here
guest_main:
        lgr     %r12, %r14
        brasl   %r14, sclp_open
        iilf    %r2, 0x00760005         /* WRITE EVENT DATA */
        larl    %r3, sccb
        brasl   %r14, sclp_call
ending:
#if defined(END_panic)
        larl    %r1, panic_psw
        lpswe   0(%r1)
#elif defined(END_reboot)
        lghi    %r3, 3
reset_here:
        diag    %r0, %r3, 0x308
#endif
        br      %r12
panic_here:
        j       panic_here

        .data
        .balign 8
panic_psw:
        .quad   0x0002000180000000, panic_here
        .balign 512
sccb:   .short  sccb_end - sccb
        .byte   0, 0, 0, 0
        .short  0
event:  .short  sccb_end - event
        .byte   0x1a, 0
        .short  0
        .ascii  "Hello from s390x\r\n"
sccb_end:
