import { error, hostOf, LIMITS, type Log, toHex } from "@meterseal/core";
import { connectAsync, type MqttClient } from "mqtt";
import { isLoopback } from "../listen-address.ts";
import {
    type FrameCounters,
    type LoraHandler,
    type LoraNetwork,
    type LoraUplink,
    Refusals,
} from "./network.ts";
import {
    CHIRPSTACK,
    type ServerDialect,
    type ServerUplink,
    THINGS_STACK,
} from "./server-messages.ts";

/** A device behind a network server. */
export type ServedDevice = {
    readonly devEui: string;
    /** Whether its content has signatures and counters of its own, which the server cannot make. */
    readonly isSigning: boolean;
};

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
    /** What any other device says is not taken. */
    readonly devices: readonly ServedDevice[];
    /** Of devices that do not sign, by session. */
    readonly counters: FrameCounters;
    readonly log: Log;
};

/** Longest wait for the broker at the start, in milliseconds; later it is called again for ever. */
const CONNECT_MS = 10_000;
const RECONNECT_MS = 5_000;
const PREFIX = { chirpstack: /^application\/[\w-]+$/, things: /^v3\/[\w-]+(@[\w-]+)?$/ };

/**
 * Devices behind a network server that publishes what they say over MQTT, ChirpStack v4 or The Things
 * Stack v3. Their sessions, checks and receive windows are the server's. A frame counts once: of a device
 * that does not sign by its counter, which must rise in its session; of one that signs by its content,
 * for a counter that is not checked here would let whoever may publish shut the device up. What a broker
 * kept from before is passed over.
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
    readonly #devices: ReadonlyMap<string, ServedDevice>;
    readonly #turns = new Map<string, Promise<void>>();
    /** What the server calls devices that said something, by EUI. */
    readonly #names = new Map<string, string>();
    /** What a device that signs said last, by EUI. */
    readonly #said = new Map<string, string>();
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
        this.#devices = new Map(options.devices.map((device) => [device.devEui, device]));
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
        const device = this.#devices.get(uplink?.devEui ?? "");
        if (uplink === null) this.#refusals.add("no uplink");
        else if (device === undefined) this.#refusals.add("a device that is not known");
        else if (this.#inFlight >= LIMITS.loraUplinks)
            this.#refusals.add("too many frames at once");
        else this.#queue(uplink, device, handler);
    }

    /** Frames of a device in turn. */
    #queue(uplink: ServerUplink, device: ServedDevice, handler: LoraHandler): void {
        this.#inFlight++;
        const { devEui } = device;
        const before = this.#turns.get(devEui) ?? Promise.resolve();
        const turn = before
            .then(() => this.#take(uplink, device, handler))
            .catch((cause: unknown) => {
                this.#options.log.warn("a LoRaWAN frame failed", { cause: String(cause) });
            })
            .finally(() => {
                this.#inFlight--;
                if (this.#turns.get(devEui) === turn) this.#turns.delete(devEui);
            });
        this.#turns.set(devEui, turn);
    }

    async #take(
        { device: name, session, ...uplink }: ServerUplink,
        device: ServedDevice,
        handler: LoraHandler,
    ): Promise<void> {
        const isNew = device.isSigning
            ? this.#isOther(session, uplink)
            : this.#isLater(session, uplink);
        if (!isNew) {
            this.#refusals.add("a counter again");
            return;
        }
        this.#names.set(device.devEui, name);
        await handler.uplink(uplink);
    }

    /** Keeps a counter above the last one of its session. */
    #isLater(session: string, { counter, devEui }: LoraUplink): boolean {
        const { counters } = this.#options;
        const name = `${devEui} ${session}`;
        if (counter <= counters.last(name)) return false;
        counters.keep(name, counter);
        return true;
    }

    /** Notes a frame that is not the one before over again, as a broker may deliver it. */
    #isOther(session: string, { content, counter, devEui, port }: LoraUplink): boolean {
        const said = `${session} ${counter} ${port} ${toHex(content)}`;
        if (this.#said.get(devEui) === said) return false;
        this.#said.set(devEui, said);
        return true;
    }
}
