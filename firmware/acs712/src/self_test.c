#include "self_test.h"

#include <avr/io.h>
#include <util/delay.h>

#include "crc.h"
#include "window.h"

/* The reference is the supply, as the sensor's output is a share of it; the sensor is at channel 0. */
#define SENSOR _BV(REFS0)
#define BANDGAP (_BV(REFS0) | _BV(MUX3) | _BV(MUX2) | _BV(MUX1))
/* 1.0 to 1.2 V (data sheet) against a supply of 5.5 to 4.5 V, in steps. */
#define BANDGAP_LOWEST 186
#define BANDGAP_HIGHEST 273
#define SETTLE_MS 10

static uint16_t convert(void) {
    ADCSRA |= _BV(ADSC);
    while (ADCSRA & _BV(ADSC)) {}
    return ADC;
}

static bool is_supply_right(void) {
    ADMUX = BANDGAP;
    _delay_ms(SETTLE_MS);
    convert(); /* the first one after a change of channel is not to be used */
    uint16_t steps = convert();
    return steps >= BANDGAP_LOWEST && steps <= BANDGAP_HIGHEST;
}

bool self_test(void) {
    static const uint8_t digits[] = {'1', '2', '3', '4', '5', '6', '7', '8', '9'};
    volatile uint64_t square = 0xfffffffe00000001; /* not worked out by the compiler */
    ADCSRA = _BV(ADEN) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0); /* 125 kHz */
    bool is_right = is_supply_right() && crc16(digits, sizeof digits) == 0x906e &&
                    square_root(square) == 0xffffffff;
    ADMUX = SENSOR;
    _delay_ms(SETTLE_MS);
    convert();
    return is_right;
}
