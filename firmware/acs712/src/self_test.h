#pragma once
#include <stdbool.h>

/* Turns the ADC on, and tests it and the arithmetic; leaves it at the sensor's channel. */
bool self_test(void);
