import { ModbusClient, type ModbusLine, rtuFraming, tcpFraming } from "@meterseal/links/modbus";
import { DIN_RAIL_MAPS, formatValue } from "@meterseal/telegram";
import { sunspecMeterValues, sunspecWords } from "@meterseal/testkit/modbus-device";
import type { MapName } from "../../packages/node/src/bridge/modbus/address.ts";
import { ModbusMeter } from "../../packages/node/src/bridge/modbus/meter.ts";
import { mutateBytes } from "./mutate.ts";
import { bytesOf, type FuzzSession, type FuzzVerdict, requireTyped } from "./target.ts";

const MAPS = ["sunspec", "sunspec", ...Object.keys(DIN_RAIL_MAPS)] as MapName[];
/** Answers that one reading asks for, at most: models, texts and ranges of a device. */
const ANSWERS_MAX = 200;
const SUNSPEC_AT = 40_000;

/** What a device has from its first register on: a SunSpec meter, and nothing. */
const MEMORIES = [
    sunspecWords(
        ["Acme", "M3", "007"],
        203,
        sunspecMeterValues({ importUnits: 123_456, exportUnits: 9, energyScaler: -1 }),
    ),
    Array<number>(64).fill(0x4142),
].map((words) => Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff])));

/** A device whose registers, and sometimes whose frames, are whatever bytes. */
export function modbusSession(): FuzzSession {
    return {
        make: (random) => {
            const memory = mutateBytes(random, random.pick(MEMORIES), MEMORIES);
            const way = [random.below(256), random.below(256)];
            return Uint8Array.of(...way, ...memory.subarray(0, 2_000));
        },
        take: async (input) => {
            const bytes = bytesOf(input);
            const isTcp = ((bytes[0] ?? 0) & 1) === 0;
            const line = deviceLine(bytes, isTcp);
            const client = new ModbusClient({
                open: () => Promise.resolve(line),
                framing: isTcp ? tcpFraming() : rtuFraming(),
                answerMs: 1_000,
                where: "a device",
            });
            const map = MAPS[(bytes[0] ?? 0) % MAPS.length] ?? "sunspec";
            const verdict = await reading(new ModbusMeter(client, 1, map));
            if (line.answers > ANSWERS_MAX) throw new Error("a meter that is asked for ever");
            return verdict;
        },
    };
}

async function reading(meter: ModbusMeter): Promise<FuzzVerdict> {
    try {
        const decoded = await meter.read();
        if (!decoded.ok) return "refused";
        for (const value of decoded.value.values) formatValue(value);
        return "accepted";
    } catch (cause) {
        requireTyped(cause);
        return "refused";
    }
}

/** Answers with registers of the bytes, or, where the second byte says so, with the bytes themselves. */
function deviceLine(bytes: Uint8Array, isTcp: boolean): ModbusLine & { answers: number } {
    const memory = bytes.subarray(2);
    let take: Parameters<ModbusLine["onBytes"]>[0] = () => {};
    const device = {
        answers: 0,
        onBytes: (taker: typeof take) => {
            take = taker;
        },
        write: (request: Uint8Array) => {
            device.answers++;
            const isRaw = (bytes[1] ?? 0) < 64;
            const answer = isRaw ? memory.subarray(0, 300) : framed(request, memory, isTcp);
            queueMicrotask(() => {
                take(answer);
                if (isRaw) take(null, "the end"); // nothing more comes: it waits for nothing
            });
        },
        close: () => {},
    };
    return device;
}

function framed(request: Uint8Array, memory: Uint8Array, isTcp: boolean): Uint8Array {
    const pdu = Buffer.from(request.subarray(isTcp ? 7 : 1));
    const [address, count] = [pdu.readUInt16BE(1), pdu.readUInt16BE(3)];
    const from = 2 * (address >= SUNSPEC_AT ? address - SUNSPEC_AT : address);
    const words = Uint8Array.from({ length: 2 * count }, (_, i) => memory[from + i] ?? 0);
    const answer = Uint8Array.of(pdu[0] ?? 0, words.length, ...words);
    if (!isTcp) return rtuFraming().frame(1, answer);
    const head = request.slice(0, 7);
    head[5] = 1 + answer.length;
    return Uint8Array.of(...head, ...answer);
}
