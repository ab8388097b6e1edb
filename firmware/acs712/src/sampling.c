#include <avr/interrupt.h>
#include <avr/io.h>
#include <util/atomic.h>

#include "window.h"

#define TIMER_PRESCALER 8

static window_t filling;
static uint16_t filled;
static window_t full;
static volatile bool is_full;

static void begin(void) {
    filling = (window_t){.lowest = UINT16_MAX};
    filled = 0;
}

void sampling_start(void) {
    begin();
    ADCSRA |= _BV(ADSC);
    TCCR1A = 0;
    TCCR1B = _BV(WGM12) | _BV(CS11);
    OCR1A = F_CPU / TIMER_PRESCALER / SAMPLES_PER_SECOND - 1;
    TIMSK1 = _BV(OCIE1A);
}

bool sampling_take(window_t *window) {
    bool is_taken = false;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        if (is_full) {
            *window = full;
            is_full = false;
            is_taken = true;
        }
    }
    return is_taken;
}

/* Every 250 us: takes the conversion that was started last time (104 us) and starts the next. */
ISR(TIMER1_COMPA_vect) {
    if (ADCSRA & _BV(ADSC)) filling.is_late = true;
    uint16_t sample = ADC;
    ADCSRA |= _BV(ADSC);
    int16_t distance = (int16_t)sample - ADC_MIDDLE;
    filling.sum += distance;
    filling.squares += (uint32_t)((int32_t)distance * distance);
    if (sample < filling.lowest) filling.lowest = sample;
    if (sample > filling.highest) filling.highest = sample;
    if (++filled < WINDOW_SAMPLES) return;
    if (is_full) filling.is_late = true;
    full = filling;
    is_full = true;
    begin();
}
