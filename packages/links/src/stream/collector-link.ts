import { assert, type CollectorLink, type LinkHandler } from "@meterseal/core";
import { Intake } from "../intake.ts";
import { deliveryRefusal } from "../send-refusal.ts";
import type { StreamCollectorSettings } from "./collector-options.ts";
import { StreamSessions } from "./sessions.ts";

type IntakeSettings = ConstructorParameters<typeof Intake>[0];

/** Collector side of links whose meters have sessions over streams; where streams come from is each link's own. */
export abstract class StreamCollectorLink implements CollectorLink {
    #intake: Intake | null = null;
    #sessions: StreamSessions | null = null;
    #closing: Promise<void> | null = null;

    abstract listen(handler: LinkHandler): Promise<string>;

    /** Ends what streams come from; `endSessions` ends what goes over them. */
    protected abstract shutDown(endSessions: () => Promise<void>): Promise<void>;

    /** The sessions of a link that begins to listen, once. */
    protected begin(
        handler: LinkHandler,
        settings: StreamCollectorSettings & IntakeSettings,
        partBytes?: number,
    ): StreamSessions {
        assert(this.#intake === null, "a link listens once");
        this.#intake = new Intake(settings, handler);
        this.#sessions = new StreamSessions(settings, this.#intake, partBytes);
        return this.#sessions;
    }

    /** Where a new stream goes; null where none is taken. */
    protected get open(): StreamSessions | null {
        return this.#closing === null ? this.#sessions : null;
    }

    async deliver(subjectHex: string, message: Uint8Array): Promise<boolean> {
        const tooLarge = deliveryRefusal(message);
        if (tooLarge !== null) throw tooLarge;
        return await Promise.resolve(this.#sessions?.deliver(subjectHex, message) ?? false);
    }

    close(): Promise<void> {
        this.#closing ??= this.#end();
        return this.#closing;
    }

    async #end(): Promise<void> {
        await this.#intake?.close();
        await this.shutDown(async () => this.#sessions?.close());
    }
}
