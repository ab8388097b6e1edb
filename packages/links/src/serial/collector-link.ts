import { assert, type CollectorLink, type LinkHandler } from "@meterseal/core";
import { Intake } from "../intake.ts";
import { deliveryRefusal } from "../send-refusal.ts";
import { StreamSessions } from "../stream/sessions.ts";
import { serialUrlOf } from "./address.ts";
import { CollectorLine } from "./collector-line.ts";
import {
    type SerialCollectorOptions,
    type SerialCollectorSettings,
    serialCollectorSettings,
} from "./collector-options.ts";
import { type OpenDevice, openSerialDevice } from "./device.ts";
import { PART_BYTES } from "./waits.ts";

/**
 * Collector side of serial lines, each with one meter at its other end. A line whose device is not
 * there, or goes, is opened again with growing pauses.
 * @param openDevice of a line, for tests.
 */
export function createSerialCollectorLink(
    options: SerialCollectorOptions,
    openDevice: OpenDevice = openSerialDevice,
): CollectorLink {
    return new SerialCollectorLink(serialCollectorSettings(options), openDevice);
}

class SerialCollectorLink implements CollectorLink {
    readonly #settings: SerialCollectorSettings;
    readonly #openDevice: OpenDevice;
    #intake: Intake | null = null;
    #sessions: StreamSessions | null = null;
    #lines: readonly CollectorLine[] = [];
    #closing: Promise<void> | null = null;

    constructor(settings: SerialCollectorSettings, openDevice: OpenDevice) {
        this.#settings = settings;
        this.#openDevice = openDevice;
    }

    /**
     * Resolves with the addresses of all lines, with a blank between them.
     * @throws MetersealError MS_USAGE for what is no serial device, or a speed that it has not.
     */
    async listen(handler: LinkHandler): Promise<string> {
        assert(this.#intake === null, "a serial link listens once");
        const { goodbyeMs, lines, log } = this.#settings;
        this.#intake = new Intake(this.#settings, handler);
        const sessions = new StreamSessions(this.#settings, this.#intake, PART_BYTES);
        this.#sessions = sessions;
        this.#lines = lines.map((place) => {
            const openDevice = this.#openDevice;
            const take = sessions.take.bind(sessions);
            return new CollectorLine({ place, openDevice, log, goodbyeMs, take });
        });
        try {
            for (const line of this.#lines) line.begin();
        } catch (cause) {
            await this.close();
            throw cause;
        }
        return lines.map(serialUrlOf).join(" ");
    }

    async deliver(subjectHex: string, message: Uint8Array): Promise<boolean> {
        const tooLarge = deliveryRefusal(message);
        if (tooLarge !== null) throw tooLarge;
        return await Promise.resolve(this.#sessions?.deliver(subjectHex, message) ?? false);
    }

    close(): Promise<void> {
        this.#closing ??= this.#shutDown();
        return this.#closing;
    }

    async #shutDown(): Promise<void> {
        await this.#intake?.close();
        await this.#sessions?.close();
        await Promise.all(this.#lines.map((line) => line.close()));
    }
}
