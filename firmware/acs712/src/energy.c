#include "energy.h"

#include <avr/eeprom.h>
#include <stddef.h>
#include <string.h>

#include "crc.h"
#include "window.h"

/* Slots that are written in turn, so that all cells age alike. */
#define SLOTS 64
#define SLOT_BYTES 16
/* mW of windows in one mWh. */
#define WINDOWS_PER_HOUR (3600UL * WINDOWS_PER_SECOND)

typedef struct __attribute__((packed)) {
    uint32_t serial;
    uint64_t milliwatthours;
    uint16_t crc;
} slot_t;

static slot_t saved;
static uint64_t counted;
static uint32_t rest;

static void *place_of(uint32_t serial) {
    return (void *)(uintptr_t)(serial % SLOTS * SLOT_BYTES);
}

static uint16_t crc_of(const slot_t *slot) {
    return crc16((const uint8_t *)slot, offsetof(slot_t, crc));
}

static bool is_blank(const slot_t *slot) {
    for (uint8_t i = 0; i < sizeof *slot; i++) {
        if (((const uint8_t *)slot)[i] != 0xff) return false;
    }
    return true;
}

bool energy_open(void) {
    bool is_found = false;
    bool is_damaged = false;
    saved = (slot_t){0};
    for (uint8_t i = 0; i < SLOTS; i++) {
        slot_t slot;
        eeprom_read_block(&slot, place_of(i), sizeof slot);
        if (slot.crc != crc_of(&slot)) {
            is_damaged |= !is_blank(&slot);
        } else if (!is_found || slot.serial > saved.serial) {
            saved = slot;
            is_found = true;
        }
    }
    counted = saved.milliwatthours;
    rest = 0;
    return is_found || !is_damaged;
}

void energy_add(uint32_t milliwatts) {
    rest += milliwatts;
    counted += rest / WINDOWS_PER_HOUR;
    rest %= WINDOWS_PER_HOUR;
}

bool energy_save(void) {
    if (counted == saved.milliwatthours) return true;
    slot_t slot = {.serial = saved.serial + 1, .milliwatthours = counted};
    slot.crc = crc_of(&slot);
    eeprom_update_block(&slot, place_of(slot.serial), sizeof slot);
    slot_t read;
    eeprom_read_block(&read, place_of(slot.serial), sizeof read);
    if (memcmp(&read, &slot, sizeof slot) != 0) return false;
    saved = slot;
    return true;
}

uint64_t energy_milliwatthours(void) {
    return saved.milliwatthours;
}
