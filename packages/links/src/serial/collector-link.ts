import type { CollectorLink, LinkHandler } from "@meterseal/core";
import { StreamCollectorLink } from "../stream/collector-link.ts";
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

class SerialCollectorLink extends StreamCollectorLink {
    readonly #settings: SerialCollectorSettings;
    readonly #openDevice: OpenDevice;
    #lines: readonly CollectorLine[] = [];

    constructor(settings: SerialCollectorSettings, openDevice: OpenDevice) {
        super();
        this.#settings = settings;
        this.#openDevice = openDevice;
    }

    /**
     * Resolves with the addresses of all lines, with a blank between them.
     * @throws MetersealError MS_USAGE for what is no serial device, or a speed that it has not.
     */
    async listen(handler: LinkHandler): Promise<string> {
        const { goodbyeMs, lines, log } = this.#settings;
        const sessions = this.begin(handler, this.#settings, PART_BYTES);
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

    protected async shutDown(endSessions: () => Promise<void>): Promise<void> {
        await endSessions();
        await Promise.all(this.#lines.map((line) => line.close()));
    }
}
