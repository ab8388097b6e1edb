#include "crc.h"

#include <util/crc16.h>

uint16_t crc16(const uint8_t *bytes, uint8_t length) {
    uint16_t crc = 0xffff;
    while (length-- > 0) crc = _crc_ccitt_update(crc, *bytes++);
    return ~crc;
}
