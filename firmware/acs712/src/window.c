#include "window.h"

#include "config.h"

/* Ends of the ADC. Two steps of room: a clipped wave has noise, too. */
#define ADC_LOWEST 2
#define ADC_HIGHEST 1021
#define PEAK_STEPS (PEAK_AMPS * 1000000L / MICROAMPS_PER_STEP)

/* Bits of the root behind the point. */
#define ROOT_BITS 8

uint32_t square_root(uint64_t value) {
    uint64_t root = 0;
    uint64_t bit = (uint64_t)1 << 62;
    while (bit > value) bit >>= 2;
    for (; bit != 0; bit >>= 2) {
        if (value >= root + bit) {
            value -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (uint32_t)root;
}

/* Variance times N^2 = N * sum of squares - square of the sum: below 2^38, and with its 16 bits below 2^54. */
uint32_t window_milliamps(const window_t *window) {
    uint64_t variance = (uint64_t)window->squares * WINDOW_SAMPLES - (uint64_t)((int64_t)window->sum * window->sum);
    uint64_t root = square_root(variance << (2 * ROOT_BITS));
    uint32_t milliamps = root * MICROAMPS_PER_STEP / ((uint64_t)WINDOW_SAMPLES * 1000 << ROOT_BITS);
    return milliamps < START_MILLIAMPS ? 0 : milliamps;
}

uint16_t window_offset(const window_t *window) {
    return (window->sum + (int32_t)ADC_MIDDLE * WINDOW_SAMPLES + WINDOW_SAMPLES / 2) / WINDOW_SAMPLES;
}

bool window_is_clipped(const window_t *window) {
    int16_t offset = window_offset(window);
    return window->lowest <= ADC_LOWEST || window->highest >= ADC_HIGHEST ||
           (int16_t)window->highest - offset > PEAK_STEPS || offset - (int16_t)window->lowest > PEAK_STEPS;
}
