/* The energy register. It is said only as far as it is saved, so that it never falls after a loss of power. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Finds the newest saved register; false where there are only damaged ones. */
bool energy_open(void);

/* Counts the power of one window, in mW. */
void energy_add(uint32_t milliwatts);

/* Saves what was counted; false where the memory does not hold it. */
bool energy_save(void);

/* The register that is saved, in mWh. */
uint64_t energy_milliwatthours(void);
