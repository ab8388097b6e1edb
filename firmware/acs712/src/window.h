/* Samples of 200 ms: 10 periods of 50 Hz, 12 of 60 Hz (IEC 61000-4-30), so no frequency is configured. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define SAMPLES_PER_SECOND 4000
#define WINDOW_SAMPLES 800
#define WINDOWS_PER_SECOND (SAMPLES_PER_SECOND / WINDOW_SAMPLES)
/* Half of the supply: where the sensor stands without a current, in steps of the ADC. */
#define ADC_MIDDLE 512

/* What is kept of the samples of a window; sums are relative to ADC_MIDDLE. */
typedef struct {
    int32_t sum;
    uint32_t squares;
    uint16_t lowest;
    uint16_t highest;
    /* A conversion was not ready, or the window before was not taken in time. */
    bool is_late;
} window_t;

/* Starts the timer that samples; the ADC must be on. Interrupts must be enabled afterwards. */
void sampling_start(void);

/* Takes the window that is full; false where none is. */
bool sampling_take(window_t *window);

/* RMS of what alternates in a window, in mA: the mean, which is the sensor's zero point, is taken out. */
uint32_t window_milliamps(const window_t *window);

/* Mean of a window: the zero point as it is now, in steps of the ADC. */
uint16_t window_offset(const window_t *window);

/* Whether a sample came to the end of the ADC or of what the sensor is linear to. */
bool window_is_clipped(const window_t *window);

/* Square root, rounded down. */
uint32_t square_root(uint64_t value);
