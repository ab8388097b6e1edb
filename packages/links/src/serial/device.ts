import { spawnSync } from "node:child_process";
import { closeSync, constants as fsConstants, openSync, statSync } from "node:fs";
import type { Duplex } from "node:stream";
import { ReadStream } from "node:tty";
import { error } from "@meterseal/core";
import type { SerialPlace } from "./address.ts";

/** Bytes as they are: eight bits, no parity, no XON/XOFF or RTS/CTS, modem lines left out of account. */
const RAW = ["raw", "-echo", "cs8", "-parenb", "-cstopb", "-crtscts", "-ixoff", "clocal", "-hupcl"];

/** Longest wait for `stty`, which waits itself for a device that takes nothing, in milliseconds. */
const STTY_MS = 2_000;

/** Opens a device; replaced in tests by a line of their own. */
export type OpenDevice = (place: SerialPlace) => Duplex;

/**
 * Opens a serial device, or a pseudo-terminal, for bytes as they are. The system's own `stty` sets it,
 * which knows every speed and driver; one program at a time can use a device.
 * @throws MetersealError MS_NOT_FOUND where there is none, MS_USAGE for what is no device, or a speed
 * that it has not; an error of the system where it cannot be opened.
 */
export function openSerialDevice({ baud, path }: SerialPlace): Duplex {
    const stat = statSync(path, { throwIfNoEntry: false });
    const expected = "a serial device";
    if (stat === undefined) throw error("MS_NOT_FOUND", { where: path, expected });
    if (!stat.isCharacterDevice()) throw error("MS_USAGE", { expected, got: path });
    const got = setTerminal(path, [`${baud}`, ...RAW]);
    if (got !== null)
        throw error("MS_USAGE", { where: path, expected: `${expected} of ${baud} baud`, got });
    return openTerminal(path).stream;
}

/**
 * Sets a device by the system's own `stty`, which knows every speed and driver.
 * @returns what it said where it did not; null where it did.
 */
export function setTerminal(path: string, words: readonly string[]): string | null {
    const flag = process.platform === "linux" ? "-F" : "-f";
    const set = spawnSync("stty", [flag, path, ...words], { timeout: STTY_MS });
    return set.status === 0 ? null : (set.error?.message ?? set.stderr.toString().trim());
}

/**
 * Opens a device in both directions, without making it this process's terminal.
 * @throws an error of the system where it cannot be opened.
 */
export function openTerminal(path: string): {
    readonly stream: ReadStream;
    readonly handle: number;
} {
    const { O_NOCTTY, O_NONBLOCK, O_RDWR } = fsConstants;
    const handle = openSync(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    try {
        return { stream: new ReadStream(handle), handle };
    } catch (cause) {
        closeSync(handle);
        throw cause;
    }
}
