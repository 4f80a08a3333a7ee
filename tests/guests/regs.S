/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts a known value into every register and, on demand, stores what is in them. Value of register n of class c:
 * byte c, byte n, then both repeated (GPR 0x10, FPR 0x20, ACR 0x30, CR 0x40); FPC 0x00f80002 (all masks, rounding 2).
 * CR0, CR9 and CR12-CR14 hold what does not disturb. Symbols:
 *   regs_values   GPR, FPR, ACR (4 bytes each), CR, FPC: what was loaded
 *   regs_done     all are loaded; the instruction there is the first that stores them
 *   regs_seen     where they are stored: 16 GPR, 16 FPR, 16 ACR, 16 CR, then clock comparator, CPU timer,
 *                 prefix (4 bytes), FPC (4 bytes), PSW mask as EPSW shows it, what STCKE stores (epoch index, TOD
 *                 clock, programmable field)
 *   regs_stored   all are stored; goes round to regs_done without changing any register */

        .macro  values class, bytes, count=16
        .set    n, 0
        .rept   \count
        .rept   \bytes / 2
        .byte   \class, n
        .endr
        .set    n, n + 1
        .endr
        .endm

        .text
        .globl guest_main, regs_done, regs_stored, regs_values, regs_seen
guest_main:
        larl    %r1, regs_values
        .set    n, 0
        .rept   16
        ld      n, 128+8*n(%r1)
        .set    n, n + 1
        .endr
        lam     %a0, %a15, 256(%r1)
        lctlg   %c0, %c15, 320(%r1)
        lfpc    448(%r1)
        lmg     %r0, %r15, 0(%r1)
regs_done:
        stmg    %r0, %r15, 0x800        /* lowcore first: no register is free */
        larl    %r1, regs_seen
        mvc     0(128,%r1), 0x800(%r0)
        .set    n, 0
        .rept   16
        std     n, 128+8*n(%r1)
        .set    n, n + 1
        .endr
        stam    %a0, %a15, 256(%r1)
        stctg   %c0, %c15, 320(%r1)
        stckc   448(%r1)
        stpt    456(%r1)
        stpx    464(%r1)
        stfpc   468(%r1)
        epsw    %r2, %r3
        st      %r2, 472(%r1)
        st      %r3, 476(%r1)
        stcke   480(%r1)
        lmg     %r0, %r15, 0(%r1)
regs_stored:
        j       regs_done

        .data
        .balign 8
regs_values:
        values  0x10, 8
        values  0x20, 8
        values  0x30, 4
        .quad   0x00000000000400e0
        .set    c, 1
        .rept   8
        .quad   0x4040404040404040 + c * 0x0001000100010001
        .set    c, c + 1
        .endr
        .quad   0
        .quad   0x4a4a4a4a4a4a4a4a, 0x4b4b4b4b4b4b4b4b
        .quad   0, 0x4d4d4d4d4d4d4000, 0x00000000c2000000, 0x4f4f4f4f4f4f4f40
        .long   0x00f80002
        .balign 8
regs_seen:
        .skip   512
