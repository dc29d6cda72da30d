/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that does nothing but send one frame: a BIOS of 64 KiB for a PC with an ne2k_isa at its
 * usual port 0x300 (National Semiconductor DP8390D, registers of page 0).
 */
#define COMMAND	 0x300
#define TX_START 0x304
#define TX_COUNT 0x305
#define DMA_FROM 0x308
#define DMA_COUNT 0x30a
#define DATA_CONFIG 0x30e
#define DATA	 0x310

#define FRAME_BYTES 60

/* The card's memory begins with this page of 256 bytes. */
#define FIRST_PAGE 0x40

.macro output port, value
	mov	$\port, %dx
	mov	$\value, %al
	out	%al, %dx
.endm

	.code16
	.text
start:
	output	COMMAND, 0x21		/* stop, no DMA */
	output	DATA_CONFIG, 0x48	/* by bytes */
	output	DMA_FROM, 0
	output	DMA_FROM + 1, FIRST_PAGE
	output	DMA_COUNT, FRAME_BYTES
	output	DMA_COUNT + 1, 0
	output	COMMAND, 0x12		/* start, DMA to the card */
	/* The same byte all through: a frame for nobody, of no type. */
	mov	$DATA, %dx
	mov	$FRAME_BYTES, %cx
	mov	$0x52, %al
fill:
	out	%al, %dx
	loop	fill
	output	TX_START, FIRST_PAGE
	output	TX_COUNT, FRAME_BYTES
	output	TX_COUNT + 1, 0
	output	COMMAND, 0x26		/* send, no DMA */
stop:
	cli
	hlt
	jmp	stop

	/* Where an x86 begins. */
	.org	0xfff0
	jmp	start
	.org	0x10000
