import { error, LIMITS, type Log } from "@meterseal/core";
import { connectAsync, type MqttClient } from "mqtt";
import { hostOf, isLoopback } from "../listen-address.ts";
import { type FrameCounters, type LoraHandler, type LoraNetwork, Refusals } from "./network.ts";
import {
    CHIRPSTACK,
    type ServerDialect,
    type ServerUplink,
    THINGS_STACK,
} from "./server-messages.ts";

/** Options of {@link createServerNetwork}. */
export type ServerNetworkOptions = {
    /**
     * Broker of the network server and where its topics begin: `mqtt://HOST:PORT/application/ID` is
     * ChirpStack, `mqtts://HOST:PORT/v3/APPLICATION@TENANT` The Things Stack.
     */
    readonly url: string;
    readonly login?: { readonly username: string; readonly password: string };
    /** Certificates to trust, PEM. */
    readonly ca?: string;
    /** Allows plain text beyond the loopback. */
    readonly insecure?: boolean;
    readonly counters: FrameCounters;
    readonly log: Log;
};

/** Longest wait for the broker at the start, in milliseconds; later it is called again for ever. */
const CONNECT_MS = 10_000;
const RECONNECT_MS = 5_000;
const PREFIX = { chirpstack: /^application\/[\w-]+$/, things: /^v3\/[\w-]+(@[\w-]+)?$/ };

/**
 * Devices behind a network server that publishes what they say over MQTT, ChirpStack v4 or The Things
 * Stack v3. Their sessions, checks and receive windows are the server's; a frame counts once. What a
 * broker kept from before is passed over.
 * @throws MetersealError MS_USAGE for another address, MS_LISTEN_ADDRESS for plain text beyond the loopback.
 */
export function createServerNetwork(options: ServerNetworkOptions): LoraNetwork {
    const url = URL.canParse(options.url) ? new URL(options.url) : null;
    const prefix = decodeURIComponent(url?.pathname.slice(1) ?? "");
    const dialect = PREFIX.chirpstack.test(prefix)
        ? CHIRPSTACK
        : PREFIX.things.test(prefix)
          ? THINGS_STACK
          : null;
    const isMqtt = url?.protocol === "mqtt:" || url?.protocol === "mqtts:";
    if (url === null || dialect === null || !isMqtt || url.username !== "" || url.password !== "") {
        const expected =
            "mqtt://HOST:PORT/application/ID (ChirpStack) or mqtts://HOST:PORT/v3/APPLICATION@TENANT, without a password";
        throw error("MS_USAGE", { expected }); // the address may hold a password
    }
    if (url.protocol === "mqtt:" && !isLoopback(hostOf(url)) && options.insecure !== true) {
        const todo = "Use mqtts://, or allow plain text with --insecure.";
        throw error("MS_LISTEN_ADDRESS", {
            expected: "a loopback address",
            got: url.hostname,
            todo,
        });
    }
    return new ServerNetwork(options, { broker: `${url.protocol}//${url.host}`, prefix }, dialect);
}

class ServerNetwork implements LoraNetwork {
    readonly #options: ServerNetworkOptions;
    readonly #place: { readonly broker: string; readonly prefix: string };
    readonly #dialect: ServerDialect;
    readonly #refusals: Refusals;
    readonly #turns = new Map<string, Promise<void>>();
    /** What the server calls devices that said something, by EUI. */
    readonly #names = new Map<string, string>();
    #client: MqttClient | null = null;
    #inFlight = 0;

    constructor(
        options: ServerNetworkOptions,
        place: { readonly broker: string; readonly prefix: string },
        dialect: ServerDialect,
    ) {
        this.#options = options;
        this.#place = place;
        this.#dialect = dialect;
        this.#refusals = new Refusals((reason, count) =>
            options.log.warn("a message of the network server was not taken", { reason, count }),
        );
    }

    get refused(): Readonly<Record<string, number>> {
        return this.#refusals.counts;
    }

    async open(handler: LoraHandler): Promise<string> {
        const { broker, prefix } = this.#place;
        const { ca, log, login } = this.#options;
        const client = await connectAsync(broker, {
            connectTimeout: CONNECT_MS,
            reconnectPeriod: RECONNECT_MS,
            ...(login ?? {}),
            ...(ca === undefined ? {} : { ca }),
        }).catch((cause: unknown) => {
            const todo = "Does the broker run, and let this login in?";
            throw error("MS_LINK", { where: broker, todo, cause });
        });
        this.#client = client;
        client.on("error", (cause) =>
            log.warn("the broker does not answer", { reason: cause.message }),
        );
        client.on("message", (_topic, message, { retain }) => {
            if (!retain) this.#hear(new Uint8Array(message), handler);
        });
        const topic = this.#dialect.uplinks(prefix);
        const granted = await client.subscribeAsync(topic, { qos: 1 });
        if (granted.some(({ qos }) => qos > 2))
            throw error("MS_LINK", { where: topic, got: "no right to subscribe" });
        return `${broker}/${prefix}`;
    }

    send(devEui: string, frame: { readonly port: number; readonly content: Uint8Array }): boolean {
        const device = this.#names.get(devEui);
        const client = this.#client;
        if (device === undefined || client === null || !client.connected) return false;
        const downlink = this.#dialect.write(this.#place.prefix, { devEui, device }, frame);
        client.publish(downlink.topic, downlink.message, { qos: 1 });
        return true;
    }

    async close(): Promise<void> {
        await this.#client?.endAsync(true);
        await Promise.all(this.#turns.values());
    }

    #hear(message: Uint8Array, handler: LoraHandler): void {
        const uplink = this.#dialect.read(message);
        if (uplink === null) this.#refusals.add("no uplink");
        else if (this.#inFlight >= LIMITS.loraUplinks)
            this.#refusals.add("too many frames at once");
        else this.#queue(uplink, handler);
    }

    /** Frames of a device in turn. */
    #queue(uplink: ServerUplink, handler: LoraHandler): void {
        this.#inFlight++;
        const { devEui } = uplink;
        const before = this.#turns.get(devEui) ?? Promise.resolve();
        const turn = before
            .then(() => this.#take(uplink, handler))
            .catch((cause: unknown) => {
                this.#options.log.warn("a LoRaWAN frame failed", { cause: String(cause) });
            })
            .finally(() => {
                this.#inFlight--;
                if (this.#turns.get(devEui) === turn) this.#turns.delete(devEui);
            });
        this.#turns.set(devEui, turn);
    }

    async #take({ device, session, ...uplink }: ServerUplink, handler: LoraHandler): Promise<void> {
        const { counters } = this.#options;
        const name = `${uplink.devEui} ${session}`;
        if (uplink.counter <= counters.last(name)) {
            this.#refusals.add("a counter again");
            return;
        }
        counters.keep(name, uplink.counter);
        const isRoom = this.#names.has(uplink.devEui) || this.#names.size < LIMITS.loraDevices;
        if (isRoom) this.#names.set(uplink.devEui, device);
        await handler.uplink(uplink);
    }
}
