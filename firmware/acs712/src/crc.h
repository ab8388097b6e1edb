#pragma once
#include <stdint.h>

/* CRC-16/X-25, the check of HDLC frames: reflected polynomial 0x8408, start and final XOR 0xffff. */
uint16_t crc16(const uint8_t *bytes, uint8_t length);
