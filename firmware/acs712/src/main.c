/* RMS current by an ACS712 on an ATmega328P (Arduino Uno, Nano) at 16 MHz; see the README. */
#include <avr/interrupt.h>
#include <avr/sleep.h>

#include "config.h"
#include "energy.h"
#include "line.h"
#include "self_test.h"
#include "window.h"

/* How far the zero point may be from the middle, in steps: further away the sensor is broken or not there. */
#define OFFSET_ROOM 100

/* With one of these, what is measured is not energy. */
#define FAULTS (FLAG_ZERO_POINT | FLAG_SELF_TEST | FLAG_MEMORY)

static uint8_t flags_of(const window_t *window) {
    uint16_t offset = window_offset(window);
    uint8_t flags = 0;
    if (window_is_clipped(window)) flags |= FLAG_CLIPPED;
    if (window->is_late) flags |= FLAG_LATE;
    if (offset < ADC_MIDDLE - OFFSET_ROOM || offset > ADC_MIDDLE + OFFSET_ROOM) flags |= FLAG_ZERO_POINT;
    return flags;
}

int main(void) {
    uint8_t lasting = 0; /* flags that stay until the next start */
    line_open();
    if (!self_test()) lasting |= FLAG_SELF_TEST;
    if (!energy_open()) lasting |= FLAG_MEMORY;
    set_sleep_mode(SLEEP_MODE_IDLE);
    sampling_start();
    sei();
    line_t line = {.flags = lasting};
    uint8_t windows = 0;
    uint16_t unsaved_seconds = 0;
    for (;;) {
        window_t window;
        sleep_mode();
        if (!sampling_take(&window)) continue;
        line.flags |= flags_of(&window);
        uint32_t milliamps = window_milliamps(&window);
        line.milliamps += milliamps;
        if (!(line.flags & FAULTS)) energy_add(milliamps * NOMINAL_VOLTS);
        if (++windows < WINDOWS_PER_SECOND) continue;
        if (++unsaved_seconds >= SAVE_SECONDS) {
            unsaved_seconds = 0;
            if (!energy_save()) lasting |= FLAG_MEMORY;
        }
        line.milliamps = (line.milliamps + WINDOWS_PER_SECOND / 2) / WINDOWS_PER_SECOND;
        line.offset = window_offset(&window);
        line.milliwatthours = energy_milliwatthours();
        line_send(&line);
        line = (line_t){.sequence = line.sequence + 1, .flags = lasting};
        windows = 0;
    }
}
