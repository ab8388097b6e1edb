/* What differs between two sensors. Each value can be given to the compiler instead: -DNOMINAL_VOLTS=120 */
#pragma once

/* Voltage that energy is counted at, in V: the sensor measures no voltage. */
#ifndef NOMINAL_VOLTS
#define NOMINAL_VOLTS 230
#endif

/* Current of one step of the ADC, in uA: 5 V / 1024 / 66 mV per A for the ACS712-30A. Calibrated by it. */
#ifndef MICROAMPS_PER_STEP
#define MICROAMPS_PER_STEP 73982
#endif

/* Peak current that the sensor is linear to, in A: 30, 20 or 5 by its variant. */
#ifndef PEAK_AMPS
#define PEAK_AMPS 30
#endif

/* Below this current, in mA, nothing flows: what is seen then is noise. */
#ifndef START_MILLIAMPS
#define START_MILLIAMPS 100
#endif

/* Seconds between two saved registers. A cell of the EEPROM bears 100,000 writes; 64 slots share them. */
#ifndef SAVE_SECONDS
#define SAVE_SECONDS 60
#endif

/* Speed of the serial line: one that 16 MHz divides well. */
#define BAUD 38400
