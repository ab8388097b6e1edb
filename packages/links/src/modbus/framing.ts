import { crc16Modbus } from "@meterseal/telegram/crc16";
import { answerBytes } from "./pdu.ts";

/** How requests and answers are framed on a line; one request is under way at a time. */
export type ModbusFraming = {
    /**
     * How long a line that was just opened is listened to, and what comes dropped, in milliseconds: 0
     * where an answer names its request.
     */
    readonly settleMs: number;
    /** Frame of a request's protocol data unit. */
    frame(unit: number, pdu: Uint8Array): Uint8Array;
    /**
     * What the bytes since the request hold: the answer's protocol data unit, `more` where its end is
     * missing, or `broken` where they are no answer to it.
     */
    parse(received: Uint8Array): Uint8Array | "more" | "broken";
};

/** Transaction, protocol, length, unit (MODBUS Messaging on TCP/IP 1.0b, section 3.1.3). */
const MBAP_BYTES = 7;
/** Unit and the longest protocol data unit. */
const LENGTH_MAX = 254;

/** Frames on TCP: each answer names the transaction that it belongs to. */
export function tcpFraming(): ModbusFraming {
    let transaction = 0;
    let unitAsked = 0;
    return {
        settleMs: 0,
        frame(unit, pdu) {
            transaction = (transaction + 1) & 0xffff;
            unitAsked = unit;
            const bytes = new Uint8Array(MBAP_BYTES + pdu.length);
            const view = new DataView(bytes.buffer);
            view.setUint16(0, transaction);
            view.setUint16(4, 1 + pdu.length);
            view.setUint8(6, unit);
            bytes.set(pdu, MBAP_BYTES);
            return bytes;
        },
        parse(received) {
            if (received.length < MBAP_BYTES) return "more";
            const view = new DataView(received.buffer, received.byteOffset, received.length);
            const length = view.getUint16(4);
            const isOurs = view.getUint16(0) === transaction && view.getUint8(6) === unitAsked;
            if (!isOurs || view.getUint16(2) !== 0 || length < 2 || length > LENGTH_MAX)
                return "broken";
            const end = MBAP_BYTES - 1 + length;
            if (received.length < end) return "more";
            return received.length === end ? received.subarray(MBAP_BYTES, end) : "broken";
        },
    };
}

/** Unit before, check behind. */
const CRC_BYTES = 2;
/** A serial server may hold the late answer to a request before, of the same length as the next one. */
const SETTLE_MS = 100;

/** Frames on a serial line: unit, data, CRC (MODBUS over Serial Line 1.02, section 2.5.1). */
export function rtuFraming(): ModbusFraming {
    let unitAsked = 0;
    return {
        settleMs: SETTLE_MS,
        frame(unit, pdu) {
            unitAsked = unit;
            const bytes = new Uint8Array(1 + pdu.length + CRC_BYTES);
            bytes[0] = unit;
            bytes.set(pdu, 1);
            const end = bytes.length - CRC_BYTES;
            new DataView(bytes.buffer).setUint16(end, crc16Modbus(bytes.subarray(0, end)), true);
            return bytes;
        },
        parse(received) {
            if (received.length > 0 && received[0] !== unitAsked) return "broken";
            const length = answerBytes(received.subarray(1));
            if (length === null) return "more";
            const end = 1 + length;
            if (received.length < end + CRC_BYTES) return "more";
            const view = new DataView(received.buffer, received.byteOffset, received.length);
            const isRight = view.getUint16(end, true) === crc16Modbus(received.subarray(0, end));
            const isWhole = received.length === end + CRC_BYTES;
            return isRight && isWhole ? received.subarray(1, end) : "broken";
        },
    };
}
