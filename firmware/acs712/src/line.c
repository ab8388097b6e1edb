#include "line.h"

#include <avr/io.h>

#include "config.h"
#include "crc.h"
#include <util/setbaud.h>

#define LINE_BYTES 96
#define DECIMALS 20

static char text[LINE_BYTES];
static uint8_t length;

static void put(char character) {
    text[length++] = character;
}

static void put_decimal(uint64_t number) {
    char digits[DECIMALS];
    uint8_t count = 0;
    do {
        digits[count++] = '0' + number % 10;
        number /= 10;
    } while (number > 0);
    while (count > 0) put(digits[--count]);
}

static void put_hex(uint16_t number, uint8_t digits) {
    while (digits-- > 0) put("0123456789ABCDEF"[number >> (4 * digits) & 15]);
}

void line_open(void) {
    UBRR0 = UBRR_VALUE;
    UCSR0A = USE_2X ? _BV(U2X0) : 0;
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(TXEN0);
}

void line_send(const line_t *line) {
    length = 0;
    for (const char *mark = "MSC1,"; *mark != 0; mark++) put(*mark);
    put_decimal(line->sequence);
    put(',');
    put_hex(line->flags, 2);
    put(',');
    put_decimal(line->milliamps);
    put(',');
    put_decimal(line->milliwatthours);
    put(',');
    put_decimal(NOMINAL_VOLTS);
    put(',');
    put_decimal(line->offset);
    uint16_t crc = crc16((const uint8_t *)text, length);
    put('*');
    put_hex(crc, 4);
    put('\r');
    put('\n');
    for (uint8_t i = 0; i < length; i++) {
        while (!(UCSR0A & _BV(UDRE0))) {}
        UDR0 = text[i];
    }
}
