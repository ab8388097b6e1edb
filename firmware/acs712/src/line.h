/* What the sensor says: one line a second, described in the README. */
#pragma once
#include <stdint.h>

/* Why a line is to be read with care; several are added. */
enum {
    FLAG_CLIPPED = 0x01,
    FLAG_ZERO_POINT = 0x02,
    FLAG_SELF_TEST = 0x04,
    FLAG_LATE = 0x08,
    FLAG_MEMORY = 0x10,
};

typedef struct {
    uint32_t sequence;
    uint8_t flags;
    uint32_t milliamps;
    uint64_t milliwatthours;
    uint16_t offset;
} line_t;

/* Sets up the serial line. */
void line_open(void);

/* Sends a line with its check; returns when the last byte is on its way. */
void line_send(const line_t *line);
