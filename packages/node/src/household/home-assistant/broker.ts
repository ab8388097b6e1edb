import { error, type Log } from "@meterseal/core";
import { connectAsync, type MqttClient } from "mqtt";
import { AVAILABILITY, type HomeTopics } from "./discovery.ts";

/** How a broker in the home is entered. */
export type HomeBroker = {
    /** `mqtt://HOST:PORT` or `mqtts://HOST:PORT`. */
    readonly url: string;
    readonly username?: string;
    readonly password?: string;
    /** Certificates to trust instead of the well-known ones, PEM. */
    readonly ca?: string;
};

/** Longest wait for the broker at the start, in milliseconds; later it is called again for ever. */
const CONNECT_MS = 10_000;
const RECONNECT_MS = 5_000;
/** Longest wait for the broker to take a message. */
const PUBLISH_MS = 10_000;

/** A metering point on the dashboard of a home. All messages are retained, so that a restart there finds them. */
export class HomePublisher {
    readonly #client: MqttClient;
    readonly #topics: HomeTopics;
    readonly #discovery: string;
    /** Last state; null while nothing may be called current. */
    #state: string | null = null;

    private constructor(client: MqttClient, topics: HomeTopics, discovery: string) {
        this.#client = client;
        this.#topics = topics;
        this.#discovery = discovery;
    }

    /**
     * Connects, with the word that the broker says where this process ends without one.
     * @throws MetersealError MS_LINK
     */
    static async open(
        { url, ...access }: HomeBroker,
        topics: HomeTopics,
        discovery: object,
        log: Log,
    ): Promise<HomePublisher> {
        const client = await connectAsync(
            url,
            {
                ...access,
                connectTimeout: CONNECT_MS,
                reconnectPeriod: RECONNECT_MS,
                will: { ...message(AVAILABILITY.offline), topic: topics.availability },
            },
            false,
        ).catch((cause: unknown) => {
            const got = cause instanceof Error ? cause.message : String(cause);
            const todo = "Is the broker running, and are name and password right?";
            throw error("MS_LINK", { where: url, got, todo, cause });
        });
        const publisher = new HomePublisher(client, topics, JSON.stringify(discovery));
        client.on("error", (cause) =>
            log.warn("the broker does not answer", { reason: cause.message }),
        );
        client.on("offline", () => log.warn("the broker is away: it is called again"));
        client.on("connect", () => {
            publisher.#announce().catch(() => {}); // said by "error"
        });
        await publisher.#announce();
        return publisher;
    }

    /** Publishes a state that holds now. */
    async show(state: object): Promise<void> {
        this.#state = JSON.stringify(state);
        await this.#publish(this.#topics.state, this.#state);
        await this.#publish(this.#topics.availability, AVAILABILITY.online);
    }

    /** Says that what is shown is not known to hold now. */
    async hide(): Promise<void> {
        this.#state = null;
        await this.#publish(this.#topics.availability, AVAILABILITY.offline);
    }

    /**
     * Ends.
     * @param isKept - whether what is shown stays as current, for somebody who looks now and then.
     */
    async close(isKept: boolean): Promise<void> {
        if (!isKept) await this.hide().catch(() => {}); // the broker says it then
        await this.#client.endAsync(!this.#client.connected); // without one nothing is waited for
    }

    /** What the broker forgot, or never knew: also after each new connection, whose will has spoken. */
    async #announce(): Promise<void> {
        await this.#publish(this.#topics.discovery, this.#discovery);
        if (this.#state !== null)
            await this.#publish(this.#topics.availability, AVAILABILITY.online);
    }

    /** @throws MetersealError MS_LINK where the broker does not take it in time. */
    async #publish(topic: string, payload: string): Promise<void> {
        const taken = this.#client.publishAsync(topic, payload, { qos: 1, retain: true });
        const late = Promise.withResolvers<never>();
        const timer = setTimeout(
            () => late.reject(error("MS_LINK", { got: "a broker that takes nothing" })),
            PUBLISH_MS,
        );
        await Promise.race([taken, late.promise]).finally(() => clearTimeout(timer));
    }
}

function message(payload: string): { payload: Buffer; qos: 1; retain: true } {
    return { payload: Buffer.from(payload), qos: 1, retain: true };
}
