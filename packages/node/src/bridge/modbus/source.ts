import { type Log, MetersealError } from "@meterseal/core";
import {
    ModbusClient,
    type ModbusLine,
    openTcpLine,
    rtuFraming,
    tcpFraming,
} from "@meterseal/links/modbus";
import { openSerial, pause } from "../source.ts";
import type { TelegramSource } from "../telegrams.ts";
import { type ModbusAddress, parseModbusAddress } from "./address.ts";
import { ModbusMeter } from "./meter.ts";

/** Longest wait for a connection and for an answer, in milliseconds. */
const CONNECT_MS = 5_000;
const ANSWER_MS = 1_000;
/** Pauses before a meter that does not answer is asked again, doubled up to the longest. */
const RETRY_MS = { first: 1_000, longest: 60_000 } as const;

/**
 * A Modbus meter, asked at its rate for as long as the signal lets it; one that does not answer is
 * asked again with growing pauses.
 * @param baud - speed of a serial device; null leaves it as it is set.
 * @throws MetersealError MS_USAGE for a bad address; in `read`, what the first reading says of a meter
 * that is none: {@link ModbusMeter.read}.
 */
export function openModbusSource(text: string, baud: number | null, log: Log): TelegramSource {
    const address = parseModbusAddress(text);
    const { everySeconds, line, map, unit } = address;
    const client = new ModbusClient({
        open: () => openLine(line, baud),
        framing: line.kind === "tcp" ? tcpFraming() : rtuFraming(),
        answerMs: ANSWER_MS,
        where: text,
    });
    const meter = new ModbusMeter(client, unit, map);
    return {
        isFinite: false,
        async read(take, signal) {
            const stop = (): void => client.close();
            signal.addEventListener("abort", stop, { once: true });
            try {
                await poll({ meter, take, signal, everyMs: everySeconds * 1000, log });
            } finally {
                signal.removeEventListener("abort", stop);
                client.close();
            }
        },
    };
}

async function poll({
    everyMs,
    log,
    meter,
    signal,
    take,
}: {
    readonly meter: ModbusMeter;
    readonly take: Parameters<TelegramSource["read"]>[0];
    readonly everyMs: number;
    readonly signal: AbortSignal;
    readonly log: Log;
}): Promise<void> {
    let retryMs: number = RETRY_MS.first;
    while (!signal.aborted) {
        const beganMs = performance.now();
        let waitMs: number | null = null;
        const telegram = await meter.read().catch((cause: unknown) => {
            // Only a silent line is waited for; a meter that is another one stays so.
            if (!(cause instanceof MetersealError) || cause.code !== "MS_LINK") throw cause;
            if (signal.aborted) return null;
            const seconds = retryMs / 1000;
            log.warn("the meter is asked again", { reason: cause.message, seconds });
            waitMs = retryMs;
            retryMs = Math.min(2 * retryMs, RETRY_MS.longest);
            return null;
        });
        if (telegram !== null) {
            if (retryMs > RETRY_MS.first) log.info("the meter answers again");
            retryMs = RETRY_MS.first;
            await take([telegram]);
        }
        // A pause begins behind the failure: what comes late is to be over before the line opens again.
        await pause(waitMs ?? Math.max(0, beganMs + everyMs - performance.now()), signal);
    }
}

function openLine(line: ModbusAddress["line"], baud: number | null): Promise<ModbusLine> {
    if (line.kind !== "serial") return openTcpLine(line.host, line.port, CONNECT_MS);
    const { path, parity } = line;
    const { stream, write } = openSerial(path, baud, parity);
    return Promise.resolve({
        write,
        onBytes(take) {
            stream.on("data", (bytes) => take(Uint8Array.from(bytes as Buffer)));
            stream.on("error", (cause) => take(null, cause.message));
            stream.on("close", () => take(null));
        },
        close: () => stream.destroy(),
    });
}
