/*
 * A guest for tests of consoles: a kernel that runs on bare QEMU "pc" hardware, is
 * there within milliseconds, sleeps where it has nothing to do, and whose every
 * byte and pixel is known. tiny-xml builds it and prints its domain.
 *
 * Each serial line takes commands, ended by a carriage return; nothing is echoed:
 *	p N	prints N lines, two in 10 ms, as a line of 115,200 baud would
 *	f N	prints N lines as fast as they are taken
 *	x	prints what is hostile to a terminal (hostile[] below)
 *	s	stops
 * Line K is 64 bytes: K in 8 hexadecimal digits, a blank, 53 characters that run
 * on from '!' + (K + port) % 94, "\r\n". Each key that is pressed paints the box
 * in the upper left corner in another colour; the rest is a fixed pattern.
 * The command line is the size of the screen, "1280x800"; without one it stays text.
 */
#include <stdbool.h>
#include <stdint.h>

#define PORTS      4
#define LINE_SIZE  64
#define LETTERS    94  /* from '!' to '~' */
#define FIFO       16  /* bytes that a 16550 takes at once */
#define PER_TICK   2   /* lines of a paced port */
#define TICKS      100 /* a second */
#define PIT_HZ     1193182
#define BOX        64   /* pixels, either way */
#define SPIN       2000 /* rounds without work before it sleeps */
#define IRQ_VECTOR 0x20

/* -- hardware -------------------------------------------------------------- */

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* Multiboot 0.6.96, section 3.1.1: magic, flags, checksum. */
__attribute__((used, section(".multiboot"))) static const uint32_t header[3] = {
	0x1BADB002, 0, -0x1BADB002u};

struct multiboot_info {
	uint32_t flags;
	uint32_t memory[2], boot_device;
	const char *command_line; /* where flags has bit 2 */
};

struct table {
	uint16_t limit;
	uint32_t base;
} __attribute__((packed));

struct frame; /* what the processor has pushed */

static volatile uint32_t ticks, keys;

__attribute__((interrupt)) static void on_tick(struct frame *frame)
{
	ticks++;
	out8(0x20, 0x20);
}

/* Releases are told too, with bit 7. */
__attribute__((interrupt)) static void on_key(struct frame *frame)
{
	if (!(in8(0x60) & 0x80))
		keys++;
	out8(0x20, 0x20);
}

static void load_segments(void)
{
	static const uint64_t segments[] = {0, 0x00cf9a000000ffff,
					    0x00cf92000000ffff};
	const struct table gdt = {sizeof(segments) - 1, (uint32_t)segments};

	__asm__ volatile("lgdt %0\n\t"
			 "ljmp $8, $1f\n"
			 "1:\tmovw %w1, %%ds\n\t"
			 "movw %w1, %%es\n\t"
			 "movw %w1, %%ss"
			 :
			 : "m"(gdt), "r"(16)
			 : "memory");
}

static void set_gate(uint64_t *gate, void (*handler)(struct frame *))
{
	uint32_t at = (uint32_t)handler;

	*gate = (uint64_t)(at >> 16) << 48 | 0x8e0000080000 | (at & 0xffff);
}

/* Both 8259s: vectors from IRQ_VECTOR on; the timer's and the keyboard's come. */
static void start_interrupts(void)
{
	static uint64_t gates[IRQ_VECTOR + 2];
	const struct table idt = {sizeof(gates) - 1, (uint32_t)gates};
	static const uint8_t words[][2] = {{0x20, 0x11},
					   {0xa0, 0x11},
					   {0x21, IRQ_VECTOR},
					   {0xa1, 0x28},
					   {0x21, 4},
					   {0xa1, 2},
					   {0x21, 1},
					   {0xa1, 1},
					   {0x21, 0xfc},
					   {0xa1, 0xff},
					   {0x43, 0x34},
					   {0x40, (PIT_HZ / TICKS) & 0xff},
					   {0x40, (PIT_HZ / TICKS) >> 8}};

	set_gate(&gates[IRQ_VECTOR], on_tick);
	set_gate(&gates[IRQ_VECTOR + 1], on_key);
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		out8(words[i][0], words[i][1]);
	__asm__ volatile("lidt %0\n\tsti" : : "m"(idt) : "memory");
}

/* -- the screen ------------------------------------------------------------ */

struct screen {
	volatile uint32_t *pixels; /* NULL: text */
	uint32_t width, height;
};

/* The first display adapter of bus 0: where its memory lies, 0 for none. */
static uint32_t find_display(void)
{
	for (uint32_t slot = 0; slot < 32; slot++) {
		uint32_t at = 0x80000000 | slot << 11;

		out32(0xcf8, at + 8);
		if (in32(0xcfc) >> 16 != 0x0300)
			continue;
		out32(0xcf8, at + 16);
		return in32(0xcfc) & ~0xfu;
	}
	return 0;
}

/* QEMU's docs/specs/standard-vga: the registers of Bochs' display. */
static void set_display(uint16_t index, uint16_t value)
{
	out16(0x1ce, index);
	out16(0x1cf, value);
}

static void paint_box(const struct screen *s, uint32_t number)
{
	uint32_t colour = number & 1 ? 0xffffff : 0x203040 + number;

	for (uint32_t y = 0; s->pixels && y < BOX; y++)
		for (uint32_t x = 0; x < BOX; x++)
			s->pixels[y * s->width + x] = colour;
}

static void start_screen(struct screen *s, uint32_t width, uint32_t height)
{
	uint32_t noise = 1;

	s->width = width;
	s->height = height;
	set_display(4, 0);
	set_display(1, (uint16_t)width);
	set_display(2, (uint16_t)height);
	set_display(3, 32);
	set_display(4, 0x41);
	s->pixels = (volatile uint32_t *)find_display();
	for (uint32_t i = 0; s->pixels && i < width * height; i++) {
		noise = noise * 1664525 + 1013904223;
		s->pixels[i] = noise >> 8;
	}
	paint_box(s, 0);
}

static uint32_t read_number(const char **text)
{
	uint32_t n = 0;

	while (**text && (**text < '0' || **text > '9'))
		++*text;
	for (; **text >= '0' && **text <= '9'; ++*text)
		n = n * 10 + (uint32_t)(**text - '0');
	return n;
}

/* Behind the kernel's path, which is the first word. */
static void read_size(struct screen *s, const char *text)
{
	uint32_t width, height;

	while (*text && *text != ' ')
		text++;
	width = read_number(&text);
	height = read_number(&text);
	if (width >= BOX && height >= BOX)
		start_screen(s, width, height);
}

/* -- the serial lines ------------------------------------------------------ */

static const char hostile[] =
	"\033]0;evil title\007" /* sets the window's title */
	"\033]2;\033[31mnested\033\\"
	"\033[2J\033[H\033[31m"       /* clears, paints all red */
	"\033[c\033[6n\033P$qm\033\\" /* asks the terminal to type back */
	"\033]52;c;ZXZpbA==\007"      /* writes the clipboard */
	"\220\235\233\377\376\0\010\010\010\r\n~.\r\n\035end of it\r\n";

struct port {
	uint16_t base;
	uint32_t index;
	const char *text; /* being printed, or NULL: lines */
	uint32_t left;    /* bytes of text */
	uint32_t line, lines, column;
	uint32_t allowed; /* lines at this tick */
	bool paced;
	char command[16];
	uint32_t length;
};

static char line_byte(const struct port *p, uint32_t column)
{
	static const char digits[] = "0123456789abcdef";

	if (column < 8)
		return digits[p->line >> (28 - 4 * column) & 15];
	if (column == 8)
		return ' ';
	if (column >= LINE_SIZE - 2)
		return column == LINE_SIZE - 2 ? '\r' : '\n';
	return (char)('!' + (p->line + p->index + column - 9) % LETTERS);
}

static bool has_more(const struct port *p)
{
	return p->left ||
	       (p->line < p->lines && (!p->paced || p->line < p->allowed));
}

static char next_byte(struct port *p)
{
	char byte;

	if (p->left) {
		p->left--;
		return *p->text++;
	}
	byte = line_byte(p, p->column++);
	if (p->column == LINE_SIZE) {
		p->column = 0;
		p->line++;
	}
	return byte;
}

static void obey(struct port *p)
{
	const char *text = p->command;

	p->command[p->length] = 0;
	p->length = 0;
	p->left = 0;
	p->line = p->column = p->lines = p->allowed = 0;
	if (*text == 'x') {
		p->text = hostile;
		p->left = sizeof(hostile) - 1;
	} else if (*text == 'p' || *text == 'f') {
		p->paced = *text == 'p';
		p->lines = read_number(&text);
	}
}

static void hear(struct port *p, char byte)
{
	if (byte == '\r')
		obey(p);
	else if (p->length < sizeof(p->command) - 1)
		p->command[p->length++] = byte;
}

/* Whether anything moved. */
static bool serve(struct port *p)
{
	bool moved = false;
	uint8_t status = in8(p->base + 5);

	if (status == 0xff)
		return false; /* there is none */
	if (status & 1) {
		hear(p, (char)in8(p->base));
		moved = true;
	}
	for (unsigned i = 0; i < FIFO && (status & 0x20) && has_more(p); i++) {
		out8(p->base, (uint8_t)next_byte(p));
		moved = true;
	}
	return moved;
}

static void start_ports(struct port *ports)
{
	static const uint16_t bases[PORTS] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};

	for (uint32_t i = 0; i < PORTS; i++) {
		ports[i].base = bases[i];
		ports[i].index = i;
		out8(bases[i] + 2, 7); /* FIFOs, emptied */
	}
}

/* -- all of it ------------------------------------------------------------- */

static bool serve_all(struct port *ports, uint32_t passed)
{
	bool moved = false;

	for (uint32_t i = 0; i < PORTS; i++) {
		if (ports[i].paced)
			ports[i].allowed += passed * PER_TICK;
		moved |= serve(&ports[i]);
	}
	return moved;
}

/* Until the next interrupt; "sti" lets none in before "hlt". */
static void sleep_unless_pressed(uint32_t shown)
{
	__asm__ volatile("cli" : : : "memory");
	if (keys == shown)
		__asm__ volatile("sti\n\thlt" : : : "memory");
	else
		__asm__ volatile("sti" : : : "memory");
}

static void run(const struct screen *screen)
{
	static struct port ports[PORTS];
	uint32_t shown = 0, seen = 0, idle = 0;

	start_ports(ports);
	for (;;) {
		uint32_t now = ticks, pressed = keys;

		idle = serve_all(ports, now - seen) ? 0 : idle + 1;
		seen = now;
		if (pressed != shown)
			paint_box(screen, shown = pressed);
		if (idle > SPIN)
			sleep_unless_pressed(shown);
	}
}

__attribute__((noreturn, used)) static void
begin(const struct multiboot_info *info)
{
	static struct screen screen;

	load_segments();
	if (info->flags & 4)
		read_size(&screen, info->command_line);
	start_interrupts();
	run(&screen);
	__builtin_unreachable();
}

__asm__(".globl _start\n"
	".section .bss\n"
	".lcomm stack, 16384\n"
	".text\n"
	"_start:\n"
	"\tcli\n"
	"\tmovl $(stack + 16384), %esp\n"
	"\tpushl %ebx\n"
	"\tcall begin\n");
