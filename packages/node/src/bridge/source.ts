import { createReadStream, statSync, writeSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { addAbortSignal, type Readable } from "node:stream";
import type { ReadStream } from "node:tty";
import { error, hostOf, type Log } from "@meterseal/core";
import { openTerminal, setTerminal } from "@meterseal/links/serial";
import { reasonOf } from "../files.ts";

/** Where a meter's bytes come from. */
export type ByteSource = {
    /** True for a file, which ends; false for a line that goes on. */
    readonly isFinite: boolean;
    /**
     * Gives every chunk, one after the other, until the end or the signal; a line that breaks is opened again.
     * @throws MetersealError MS_NOT_FOUND for a file that cannot be read.
     */
    read(onChunk: (chunk: Uint8Array) => Promise<void>, signal: AbortSignal): Promise<void>;
};

/** A far end over TCP that says nothing for so long is asked whether it is there, by the system … */
const KEEP_ALIVE_MS = 30_000;
/** … and is called again after so long, also where its system answers and its program does not. */
const SILENCE_MS = 15 * 60_000;
/** Pause before a line is opened again, doubled from the first to the longest, in milliseconds. */
const REOPEN_MS = { first: 500, longest: 30_000 } as const;

/**
 * The source that an address names: `tcp://HOST:PORT` such as a serial server, a serial device, or a
 * file that was recorded.
 * @param baud - speed of a serial device; null leaves it as it is set.
 * @throws MetersealError MS_NOT_FOUND, MS_USAGE
 */
export function openSource(address: string, baud: number | null, log: Log): ByteSource {
    if (/^tcp:\/\//i.test(address)) {
        const url = urlOf(address);
        return lineOf(address, () => openTcp(hostOf(url), Number(url.port)), log);
    }
    const stat = statSync(address, { throwIfNoEntry: false });
    if (stat === undefined)
        throw error("MS_NOT_FOUND", {
            where: address,
            expected: "a serial device, a file, or tcp://HOST:PORT",
        });
    if (stat.isCharacterDevice())
        return lineOf(address, () => openSerial(address, baud).stream, log);
    return {
        isFinite: true,
        async read(onChunk, signal) {
            for await (const chunk of createReadStream(address, { signal })) await onChunk(chunk);
        },
    };
}

function urlOf(address: string): URL {
    const url = URL.canParse(address) ? new URL(address) : null;
    if (url !== null && url.hostname !== "" && url.port !== "") return url;
    throw error("MS_USAGE", { expected: "tcp://HOST:PORT", got: address });
}

/** A connection that ends also where its far end vanishes without a word. */
function openTcp(host: string, port: number): Socket {
    const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    const socket = createConnection({ host, port, ...keepAlive });
    const got = `nothing for ${SILENCE_MS / 60_000} minutes`;
    return socket.setTimeout(SILENCE_MS, () => socket.destroy(error("MS_LINK", { got })));
}

/** A line: opened again with growing pauses whenever it ends, until the signal. */
function lineOf(address: string, open: () => Readable, log: Log): ByteSource {
    return {
        isFinite: false,
        async read(onChunk, signal) {
            let pauseMs: number = REOPEN_MS.first;
            while (!signal.aborted) {
                let reason = "the line ended";
                try {
                    for await (const chunk of addAbortSignal(signal, open())) {
                        pauseMs = REOPEN_MS.first;
                        await onChunk(chunk as Uint8Array);
                    }
                } catch (cause) {
                    reason = reasonOf(cause);
                }
                if (signal.aborted) return;
                log.warn("the meter's line is closed: it is opened again", {
                    ...{ line: address, reason },
                    seconds: pauseMs / 1000,
                });
                await pause(pauseMs, signal);
                pauseMs = Math.min(2 * pauseMs, REOPEN_MS.longest);
            }
        },
    };
}

/** A serial device in raw mode: bytes as they come, nothing echoed; and how to write to it. */
export function openSerial(
    path: string,
    baud: number | null,
    parity: "none" | "even" | "odd" = "none",
): { readonly stream: ReadStream; readonly write: (bytes: Uint8Array) => void } {
    const parityWords = { none: [], even: ["parenb", "-parodd"], odd: ["parenb", "parodd"] }[
        parity
    ];
    if (baud !== null || parity !== "none") {
        const words = [...(baud === null ? [] : [`${baud}`]), "raw", "-echo", ...parityWords];
        const got = setTerminal(path, words);
        const [where, expected] = [`stty ${words.join(" ")}`, "a speed and a parity of the device"];
        if (got !== null) throw error("MS_USAGE", { where, expected, got });
    }
    const { handle, stream } = openTerminal(path);
    stream.setRawMode(true);
    return { stream, write: (bytes) => void writeSync(handle, bytes) };
}

/** Waits, or until the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
        const timer = setTimeout(end, ms);
        signal.addEventListener("abort", end, { once: true });
        function end(): void {
            clearTimeout(timer);
            signal.removeEventListener("abort", end);
            resolve();
        }
    });
}
