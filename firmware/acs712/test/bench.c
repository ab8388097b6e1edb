/* Runs the firmware in simavr, gives each conversion the voltage of an ACS712-30A, prints the serial line.
 *
 *   bench FIRMWARE.elf [seconds=N] [amps=RMS] [hertz=N] [zero=MILLIVOLTS] [drift=MILLIVOLTS_PER_SECOND]
 *         [noise=MILLIVOLTS] [supply=MILLIVOLTS] [reset=AT_SECOND] [damage=1] [pace=N]
 *
 * Time goes by as fast as it can, or with a pace N times as fast as it is.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <simavr/avr_adc.h>
#include <simavr/avr_eeprom.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>

#define HERTZ_CPU 16000000
#define MILLIVOLTS_PER_AMP 66.0
#define EEPROM_BYTES 1024

static double seconds = 10, amps = 0, hertz = 50, zero = 2500, drift = 0, noise = 0, supply = 5000, reset_at = 0,
              damage = 0, pace = 0;

static const struct {
    const char *name;
    double *value;
} settings[] = {{"seconds", &seconds}, {"amps", &amps},     {"hertz", &hertz},    {"zero", &zero},    {"drift", &drift},
                {"noise", &noise},     {"supply", &supply}, {"reset", &reset_at}, {"damage", &damage},
                {"pace", &pace}};

static int set(const char *word) {
    const char *equals = strchr(word, '=');
    for (size_t i = 0; equals != NULL && i < sizeof settings / sizeof *settings; i++) {
        size_t length = (size_t)(equals - word);
        if (strlen(settings[i].name) != length || strncmp(settings[i].name, word, length) != 0) continue;
        *settings[i].value = atof(equals + 1);
        return 1;
    }
    fprintf(stderr, "not a setting: %s\n", word);
    return 0;
}

/* The same noise in every run: even within twice its amplitude. */
static double next_noise(void) {
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return noise * ((double)state / 2147483648.0 - 1);
}

static void convert(struct avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    (void)value;
    avr_t *avr = param;
    double now = (double)avr->cycle / HERTZ_CPU;
    double current = amps * sqrt(2) * sin(2 * M_PI * hertz * now);
    double millivolts = zero + drift * now + MILLIVOLTS_PER_AMP * current + next_noise();
    avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_ADC0),
                  millivolts < 0 ? 0 : (uint32_t)lround(millivolts));
}

static void print(struct avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    (void)param;
    putchar((int)(value & 0xff));
    /* A reader sees each line when it is said; without a reader there is nothing to do. */
    if ((value & 0xff) == '\n' && fflush(stdout) != 0) exit(1);
}

/* Waits until it is as late as it is for the firmware, in steps of a tenth of a second. */
static void keep_pace(const avr_t *avr) {
    static unsigned long tenths;
    if (pace == 0 || (double)avr->cycle * 10 / HERTZ_CPU < (double)tenths) return;
    tenths++;
    usleep((useconds_t)(100000 / pace));
}

/* The simulator itself does not wait where the processor sleeps. */
static void do_not_sleep(avr_t *avr, avr_cycle_count_t cycles) {
    (void)avr;
    (void)cycles;
}

static void fill_eeprom(avr_t *avr) {
    static uint8_t bytes[EEPROM_BYTES];
    memset(bytes, damage != 0 ? 0x5a : 0xff, sizeof bytes);
    avr_eeprom_desc_t all = {.ee = bytes, .offset = 0, .size = sizeof bytes};
    avr_ioctl(avr, AVR_IOCTL_EEPROM_SET, &all);
}

static void connect_peripherals(avr_t *avr) {
    uint32_t flags = 0;
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), print, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_OUT_TRIGGER), convert, avr);
}

int main(int count, char **words) {
    elf_firmware_t firmware = {0};
    for (int i = 2; i < count; i++) {
        if (!set(words[i])) return 2;
    }
    if (count < 2 || elf_read_firmware(words[1], &firmware) != 0) return 2;
    avr_t *avr = avr_make_mcu_by_name("atmega328p");
    if (avr == NULL) return 2;
    avr_init(avr);
    avr_load_firmware(avr, &firmware);
    avr->frequency = HERTZ_CPU;
    avr->vcc = avr->avcc = avr->aref = (uint32_t)supply;
    avr->sleep = do_not_sleep;
    fill_eeprom(avr);
    connect_peripherals(avr);
    while ((double)avr->cycle < seconds * HERTZ_CPU) {
        int state = avr_run(avr);
        keep_pace(avr);
        if (state == cpu_Done || state == cpu_Crashed) return 1;
        if (reset_at == 0 || (double)avr->cycle < reset_at * HERTZ_CPU) continue;
        reset_at = 0;
        avr_reset(avr);
        connect_peripherals(avr);
    }
    return 0;
}
