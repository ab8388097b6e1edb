/**
 * Layer 1: decodes what existing meters say on their local ports. Pure and without dependencies:
 * bytes in, exact integers with OBIS code, scaler and unit out, or a typed fault; nothing throws.
 *
 * {@link decodeP1} with {@link P1Splitter} and {@link openP1}; {@link decodeSml} with
 * {@link SmlSplitter}; {@link decodeReadout}; {@link decodeMbus}; {@link decodeWmbus} with {@link WmbusLineSplitter};
 * {@link decodeZigbeeMetering} with {@link openZigbee}; {@link decodeDeviceJson}; {@link decodeMilesight};
 * {@link decodeSensorLine} with {@link SensorLineSplitter}; {@link decodeModbus} with
 * {@link DIN_RAIL_MAPS} and {@link sunspecMap}.
 *
 * @packageDocumentation
 */

export { decodeSensorLine, type SensorTelegram } from "./acs712/decode.ts";
export { SensorLineSplitter } from "./acs712/splitter.ts";
export { decodeReadout } from "./iec62056-21/decode.ts";
export { ReadoutSplitter } from "./iec62056-21/splitter.ts";
export { decodeDeviceJson } from "./json/decode.ts";
export { decodeMilesight } from "./lorawan/decode.ts";
export { decodeMbus, type MbusTelegram } from "./mbus/decode.ts";
export type { MbusRecord } from "./mbus/records.ts";
export { MbusSplitter } from "./mbus/splitter.ts";
export { decodeModbus, textOfRegisters } from "./modbus/decode.ts";
export { DIN_RAIL_MAPS } from "./modbus/din-rail.ts";
export type { RegisterMap } from "./modbus/register-map.ts";
export type { ModbusBlock, ModbusTable } from "./modbus/registers.ts";
export {
    SUNSPEC_BEGINS,
    SUNSPEC_COMMON,
    SUNSPEC_END,
    SUNSPEC_MARKER,
    SUNSPEC_NAMES,
    sunspecMap,
} from "./modbus/sunspec.ts";
export { isEncryptedP1, type OpenedFrame, type OpenGcm, openP1, type P1Keys } from "./p1/cipher.ts";
export { P1CipherSplitter } from "./p1/cipher-splitter.ts";
export { decodeP1 } from "./p1/decode.ts";
export { P1Splitter } from "./p1/splitter.ts";
export { P1_TELEGRAM_BYTES } from "./p1/tables.ts";
export type { Decoded, Fault, FaultCode } from "./result.ts";
export { decodeSml, type SmlTelegram } from "./sml/decode.ts";
export { SmlSplitter } from "./sml/transport.ts";
export {
    type CheckVerdict,
    formatValue,
    type Telegram,
    type TelegramKind,
    type TelegramText,
    type TelegramValue,
    type Unit,
} from "./value.ts";
export { decodeWmbus, type WirelessTelegram } from "./wmbus/decode.ts";
export { WmbusLineSplitter } from "./wmbus/lines.ts";
export type { WirelessCrypto, WirelessKey } from "./wmbus/protection.ts";
export {
    decodeZigbeeMetering,
    UNKNOWN_FACTORS,
    type ZigbeeAttribute,
    type ZigbeeFactors,
    type ZigbeeTelegram,
} from "./zigbee/decode.ts";
export { type OpenCcm, type OpenedZigbee, openZigbee } from "./zigbee/security.ts";
